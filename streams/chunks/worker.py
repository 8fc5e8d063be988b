"""Faust's worker, without its ways to show the variables of a running process, for they hold claims."""

import asyncio
import faulthandler
import sys

import faust


class DiscreetWorker(faust.Worker):
    """A Faust worker that says where it is, never with what."""

    async def _cry(self) -> None:
        """On SIGUSR1: the stack of every thread and task; stock prints all local variables with them."""
        faulthandler.dump_traceback(all_threads=True)
        for task in asyncio.all_tasks():
            places = [
                f"  {each.f_code.co_filename}:{each.f_lineno} in {each.f_code.co_name}" for each in task.get_stack()
            ]
            sys.stderr.write("\n".join([f"task {task.get_name()}", *places, ""]))

    def _enter_debugger(self) -> None:
        """On SIGUSR2: nothing; stock stops in a debugger that waits for the terminal a worker does not have."""

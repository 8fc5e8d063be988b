"""Every fault with its name and what it may repeat: the matrix of the engine page."""

from tests.chaos import broker_faults, code_faults, topic_faults, worker_faults
from tests.chaos.broken_rule import broken_ruleset
from tests.chaos.scenario import Scenario

SCENARIOS = (
    Scenario("poison", code_faults.poison),
    Scenario("exceptions on records", code_faults.records_raise),
    Scenario("exceptions in rules", code_faults.rules_raise, ruleset=broken_ruleset),
    Scenario("exceptions in outputs", code_faults.outputs_raise),
    Scenario("outputs refused by the broker", code_faults.outputs_refused,
             more_repeats=(0, 2 * code_faults.REFUSED_CLAIMS)),
    Scenario("exceptions in commits", code_faults.commits_raise),
    Scenario("commits refused", code_faults.commits_refused),
    Scenario("outcome topic missing", topic_faults.outcome_topic_missing),
    Scenario("outcome topic deleted", topic_faults.outcome_topic_deleted),
    Scenario("dead letter topic deleted", topic_faults.dead_letter_topic_deleted),
    Scenario("outcome topic resized", topic_faults.outcome_topic_resized),
    Scenario("hanging transaction", topic_faults.hanging_transaction),
    Scenario("aborted transactions and SIGKILL", topic_faults.aborted_transactions, crashes=(1, 1)),
    Scenario("SIGKILL x3", worker_faults.killed_three_times, crashes=(3, 3)),
    Scenario("SIGKILL x3 of a static member", worker_faults.static_member_killed_three_times, crashes=(3, 3)),
    Scenario("SIGKILL of one of two", worker_faults.one_of_two_killed, crashes=(1, 1)),
    Scenario("SIGTERM x5", worker_faults.stopped_five_times),
    Scenario("SIGSTOP beyond the session", worker_faults.zombie, crashes=(1, 1)),
    Scenario("rebalance 1 to 4 to 2", worker_faults.one_four_two),
    Scenario("rebalance under backlog", worker_faults.rebalance_under_backlog),
    Scenario("rolling upgrade", worker_faults.rolling_upgrade),
    Scenario("network cut", broker_faults.network_cut),
    Scenario("network cut beyond the session", broker_faults.network_cut_beyond_the_session, crashes=(1, 1)),
    Scenario("one of two workers cut off", broker_faults.one_of_two_cut_off, crashes=(1, 1)),
    Scenario("connections dropped x5", broker_faults.connections_dropped),
    Scenario("network latency 200 ms", broker_faults.latency),
    Scenario("network half-open", broker_faults.half_open),
    Scenario("network answers lost", broker_faults.answers_lost),
    Scenario("SIGTERM while the broker is frozen", worker_faults.stopped_while_the_broker_is_frozen,
             crashes=(1, 1), own_broker=True),
    Scenario("broker restart", broker_faults.restarted, own_broker=True),
    Scenario("broker SIGKILL", broker_faults.killed, own_broker=True),
    Scenario("broker SIGSTOP 15 s", broker_faults.frozen, own_broker=True),
    Scenario("file-size limit of the broker", broker_faults.file_limit_reached, own_broker=True,
             launcher=broker_faults.LIMITED),
)  # fmt: skip

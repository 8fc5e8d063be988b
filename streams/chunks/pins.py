"""What of other people's private parts the chunk engine leans on; a contract test fails when one of them moves."""

from collections.abc import Mapping

PINNED_VERSIONS: Mapping[str, str] = {
    "faust-streaming": "0.15.3",
    "aiokafka": "0.14.0",
    "mode-streaming": "0.7.1",
}

CLASS_NAMES: Mapping[str, tuple[str, ...]] = {
    "faust.transport.drivers.aiokafka.Consumer": (
        "_drain_messages",
        "_new_consumer_thread",
        "_commit",
        "_get_active_partitions",
        "force_commit",
        "perform_seek",
        "on_partitions_revoked",
        "stop_flow",
        "consumer_stopped_errors",
        "highwater",
        "assignment",
        "on_stop",
        "sleep",
        "verify_event_path",
    ),
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread": (
        "_commit",
        "_create_worker_consumer",
        "_fetch_records",
        "_ensure_consumer",
        "_method_queue",
        "call_thread",
        "method_queue",
    ),
    "faust.transport.drivers.aiokafka.Producer": (
        "_settings_extra",
        "_new_producer",
        "_producer",
        "_ensure_producer",
    ),
    "faust.transport.drivers.aiokafka.Transport": ("Consumer", "Producer"),
    "faust.App": ("_new_transport", "_stop_consumer", "_create_directories", "agent", "stop", "crash", "add_future"),
    "faust.Topic": ("_clone_args",),
    "mode.utils.queues.ThrowableQueue": ("force_put_nowait",),
    "aiokafka.consumer.subscription_state.TopicPartitionState": ("has_valid_position", "position"),
    "aiokafka.consumer.subscription_state.Assignment": ("tps", "state_value"),
    "aiokafka.consumer.subscription_state.SubscriptionState": ("fetch_context", "subscription"),
    "aiokafka.consumer.group_coordinator.GroupCoordinator": ("check_errors", "request_rejoin"),
    "aiokafka.AIOKafkaConsumer": (
        "assignment",
        "beginning_offsets",
        "commit",
        "committed",
        "end_offsets",
        "last_stable_offset",
        "seek",
    ),
    "aiokafka.AIOKafkaProducer": ("create_batch", "send_batch", "partitions_for"),
}

INSTANCE_NAMES: dict[str, tuple[str, ...]] = {
    "consumer": ("_stopped", "_thread", "flow_active", "can_resume_flow"),
    "fetcher": ("_stopped",),
    "conductor": ("_tp_index",),
    "app": ("_consumer", "_fetcher", "consumer_generation_id", "flow_control"),
    "consumer thread": ("parent_loop", "thread_loop"),
    "aiokafka consumer": (
        "_auto_offset_reset",
        "_coordinator",
        "_fetcher",
        "_fetch_max_wait_ms",
        "_isolation_level",
        "_subscription",
    ),
}

STARTED_NAMES: dict[str, tuple[str, ...]] = {
    "aiokafka.consumer.group_coordinator.GroupCoordinator": ("_coordination_task",),
    "aiokafka.consumer.fetcher.Fetcher": ("_fetch_task",),
}
"""Attributes of instances that exist only once connected."""

PRIVATE_NAMES: Mapping[str, tuple[str, ...]] = {
    **CLASS_NAMES,
    **{f"{owner}()": names for owner, names in (INSTANCE_NAMES | STARTED_NAMES).items()},
}

"""What the numbers are called."""

from funcgate.metrics import Metrics


def test_a_call_to_azure_is_counted_by_bounded_labels() -> None:
    metrics = Metrics()
    metrics.observe_call("arm", "GET", "backends", 200, 0.3)
    labels = {"service": "arm", "method": "GET", "kind": "backends", "status": "200"}
    assert metrics.registry.get_sample_value("funcgate_azure_requests_total", labels) == 1
    seconds = {"service": "arm", "method": "GET"}
    assert metrics.registry.get_sample_value("funcgate_azure_request_duration_seconds_sum", seconds) == 0.3


def test_two_operators_in_one_process_do_not_share_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.leader.set(1)
    assert other.registry.get_sample_value("funcgate_leader") == 0

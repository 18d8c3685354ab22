"""SQS's long polls: they wait, and nobody else does."""

from __future__ import annotations

import threading

from hadr_lab.aws.local import Running


def test_a_waiting_consumer_does_not_hold_up_other_callers(aws: Running) -> None:
    """While one consumer waits for a message, SQS answers everybody else, and the message ends the wait."""
    sqs = aws.client("sqs", "us-east-1", front="us-east-1")
    queue = sqs.create_queue(QueueName="waiting")["QueueUrl"]
    got: list[str] = []

    def consume() -> None:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
        got.extend(message["Body"] for message in answer.get("Messages", []))

    consumer = threading.Thread(target=consume)
    consumer.start()
    other = aws.client("sqs", "us-east-1", front="us-east-1")
    other.get_queue_url(QueueName="waiting")
    other.send_message(QueueUrl=queue, MessageBody="spot interruption")
    consumer.join(60)
    assert got == ["spot interruption"], "who was to send it had to wait until the consumer gave up"


def test_a_short_poll_of_an_empty_queue_answers_at_once(aws: Running) -> None:
    """Without WaitTimeSeconds an empty queue is an empty answer."""
    sqs = aws.client("sqs", "us-east-1", front="us-east-1")
    queue = sqs.create_queue(QueueName="empty")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=0)

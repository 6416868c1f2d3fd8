"""What stands in the database about webhooks; as `models`."""

from peewee import (
    BigIntegerField,
    BlobField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from finlink_server.storage.models import App


class EventPayload(Model):
    """The data of a published event, until nobody is to be told of it any more."""

    event_seq = BigIntegerField(primary_key=True)
    sealed_payload = BlobField()

    class Meta:
        table_name = "event_payload"


class EventTrace(Model):
    """The trace of the call of which an event tells, if somebody collected it."""

    event_id = TextField(primary_key=True)
    traceparent = TextField()
    time = BigIntegerField(index=True)

    class Meta:
        table_name = "event_trace"


class Endpoint(Model):
    """Where an app's events are sent.

    It wants events that stand in the journal after `from_seq`. Nothing is sent to it
    before `hold_until`. `event_types` are parted by spaces; none: all.
    """

    id = TextField(primary_key=True)
    app = ForeignKeyField(App, index=False)
    app_id: str
    uri = TextField()
    event_types = TextField()
    display_name = TextField()
    revision = IntegerField(default=1)
    from_seq = BigIntegerField()
    create_time = BigIntegerField()
    update_time = BigIntegerField()
    disable_time = BigIntegerField(null=True)
    disabled_reason = TextField(null=True)
    failing_since_time = BigIntegerField(null=True)
    hold_until = BigIntegerField(default=0)
    delete_time = BigIntegerField(null=True)

    class Meta:
        table_name = "endpoint"
        indexes = ((("app", "id"), False),)


class SigningSecret(Model):
    """A secret with which an endpoint's deliveries are signed."""

    id = TextField(primary_key=True)
    endpoint = ForeignKeyField(Endpoint)
    endpoint_id: str
    sealed_secret = BlobField()
    hint = TextField()
    create_time = BigIntegerField()
    expire_time = BigIntegerField(null=True)

    class Meta:
        table_name = "signing_secret"


class Delivery(Model):
    """One endpoint's copy of an event.

    `failures` counts attempts since the schedule began; `lease` is whose attempt it is
    while the state is SENDING. Indexes over parts of the table stand in the migration.
    """

    id = TextField(primary_key=True)
    endpoint = ForeignKeyField(Endpoint, index=False)
    endpoint_id: str
    app_id = TextField()
    event_seq = BigIntegerField()
    event_id = TextField()
    event_type = TextField()
    cause = TextField()
    state = TextField()
    cancel_reason = TextField(null=True)
    attempt_count = IntegerField(default=0)
    failures = IntegerField(default=0)
    next_attempt_time = BigIntegerField(null=True)
    lease = TextField(null=True)
    lease_until = BigIntegerField(null=True)
    create_time = BigIntegerField()
    end_time = BigIntegerField(null=True)

    class Meta:
        table_name = "delivery"
        indexes = (
            (("endpoint", "id"), False),
            (("app_id", "id"), False),
            (("event_seq", "endpoint"), False),
        )


class Attempt(Model):
    """One attempt to deliver."""

    delivery = ForeignKeyField(Delivery, index=False)
    delivery_id: str
    number = IntegerField()
    start_time = BigIntegerField()
    latency = BigIntegerField()
    status = IntegerField(null=True)
    problem = TextField()
    sealed_response = BlobField(null=True)
    truncated = IntegerField(default=0)

    class Meta:
        table_name = "attempt"
        primary_key = CompositeKey("delivery", "number")


class Rate(Model):
    """How often something was done in a window of time that ends at `until`."""

    key = TextField(primary_key=True)
    until = BigIntegerField(index=True)
    count = IntegerField()

    class Meta:
        table_name = "rate"


MODELS = (EventPayload, EventTrace, Endpoint, SigningSecret, Delivery, Attempt, Rate)

"""What stands in the database.

Peewee gives each foreign key `x` an attribute `x_id`, which is declared for the type
checker. Times are whole microseconds since 1970, UTC. Columns named `sealed_…` hold what
`crypto.Keyring.seal` made. JSON stands as text.
"""

from peewee import (
    BigAutoField,
    BigIntegerField,
    BlobField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)


class Property(Model):
    """A fact about the database itself, such as its master key's id."""

    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "property"


class SigningKey(Model):
    """A key pair for one kind of token."""

    kid = TextField(primary_key=True)
    kind = TextField()
    public = BlobField()
    sealed_private = BlobField()
    create_time = BigIntegerField()
    sign_from_time = BigIntegerField()
    revoke_time = BigIntegerField(null=True)

    class Meta:
        table_name = "signing_key"


class ServiceKey(Model):
    """A credential of an internal service."""

    id = TextField(primary_key=True)
    lookup = TextField(unique=True)
    sealed_hash = BlobField()
    hint = TextField()
    display_name = TextField()
    roles = TextField()
    event_prefixes = TextField()
    create_time = BigIntegerField()
    revoke_time = BigIntegerField(null=True)

    class Meta:
        table_name = "service_key"


class Account(Model):
    """A customer."""

    id = TextField(primary_key=True)
    email = TextField()
    email_key = TextField(unique=True)
    display_name = TextField()
    sealed_password = BlobField(null=True)
    setup_lookup = TextField(null=True, unique=True)
    sealed_setup_hash = BlobField(null=True)
    setup_expire_time = BigIntegerField(null=True)
    create_time = BigIntegerField()
    suspend_time = BigIntegerField(null=True)

    class Meta:
        table_name = "account"


class AccountToken(Model):
    """A signed-in customer."""

    id = TextField(primary_key=True)
    account = ForeignKeyField(Account)
    account_id: str
    create_time = BigIntegerField()
    expire_time = BigIntegerField()
    end_time = BigIntegerField(null=True)
    end_reason = TextField(null=True)
    password_failures = IntegerField(default=0)

    class Meta:
        table_name = "account_token"


class SignInFailure(Model):
    """Failed sign-ins of one e-mail from one client address, both as one HMAC."""

    key = TextField(primary_key=True)
    failures = IntegerField()
    last_time = BigIntegerField(index=True)
    blocked_until = BigIntegerField()

    class Meta:
        table_name = "sign_in_failure"


class App(Model):
    """An app of an account."""

    id = TextField(primary_key=True)
    account = ForeignKeyField(Account)
    account_id: str
    display_name = TextField()
    public_name = TextField()
    environment = TextField()
    revision = IntegerField(default=1)
    create_time = BigIntegerField()
    update_time = BigIntegerField()
    delete_time = BigIntegerField(null=True)

    class Meta:
        table_name = "app"


class Secret(Model):
    """A client secret of an app, without its plaintext."""

    id = TextField(primary_key=True)
    app = ForeignKeyField(App)
    app_id: str
    lookup = TextField(unique=True)
    sealed_hash = BlobField()
    hint = TextField()
    display_name = TextField()
    scopes = TextField()
    allowed_cidrs = TextField()
    revision = IntegerField(default=1)
    create_time = BigIntegerField()
    expire_time = BigIntegerField(null=True)
    revoke_time = BigIntegerField(null=True)
    end_reason = TextField(null=True)
    replaced_by = TextField(null=True)
    last_use_time = BigIntegerField(null=True)

    class Meta:
        table_name = "secret"


class Session(Model):
    """An API session.

    A unique index over the secrets of sessions without an end_time holds rule 2:
    one active session for each secret.
    """

    id = TextField(primary_key=True)
    secret = ForeignKeyField(Secret, index=False)
    secret_id: str
    app = ForeignKeyField(App, index=False)
    app_id: str
    account = ForeignKeyField(Account)
    account_id: str
    environment = TextField()
    scopes = TextField()
    create_time = BigIntegerField()
    expire_time = BigIntegerField()
    expire_reason = TextField()
    end_time = BigIntegerField(null=True)
    end_reason = TextField(null=True)
    superseded_by = TextField(null=True)

    class Meta:
        table_name = "session"
        indexes = ((("app", "id"), False),)


class SettingsVersion(Model):
    """One version of an app's settings, never altered."""

    app = ForeignKeyField(App, index=False)
    app_id: str
    version = BigIntegerField()
    document = TextField()
    etag = TextField()
    author_kind = TextField()
    author_id = TextField()
    comment = TextField()
    create_time = BigIntegerField()

    class Meta:
        table_name = "settings_version"
        primary_key = CompositeKey("app", "version")


class Redirect(Model):
    """Which app a redirect id was given to; what it is stands in the settings."""

    id = TextField(primary_key=True)
    app = ForeignKeyField(App)
    app_id: str

    class Meta:
        table_name = "redirect"


class LinkToken(Model):
    """Stored Link parameters."""

    id = TextField(primary_key=True)
    app = ForeignKeyField(App, index=False)
    app_id: str
    sealed_parameters = BlobField()
    max_opens = IntegerField()
    opens = IntegerField(default=0)
    create_time = BigIntegerField()
    expire_time = BigIntegerField()
    revoke_time = BigIntegerField(null=True)

    class Meta:
        table_name = "link_token"
        indexes = ((("app", "id"), False),)


class Link(Model):
    """One opened Link instance."""

    id = TextField(primary_key=True)
    app = ForeignKeyField(App, index=False)
    app_id: str
    link_token = ForeignKeyField(LinkToken, null=True)
    link_token_id: str | None
    settings_version = BigIntegerField()
    sealed_parameters = BlobField()
    ignored_parameters = TextField()  # sealed, in base64
    redirect_uri = TextField()
    create_time = BigIntegerField()
    expire_time = BigIntegerField()
    revoke_time = BigIntegerField(null=True)

    class Meta:
        table_name = "link"
        indexes = ((("app", "id"), False),)


class Bank(Model):
    """An institution of the catalogue.

    The row of a bank that left the catalogue stays, with its `remove_time`, so that its
    id never comes to name another. `corrections` is what the operator's file set, as JSON,
    and `registry_fingerprint` tells whether the registry says anything new.
    """

    id = TextField(primary_key=True)
    country_code = TextField(index=True)
    display_name = TextField()
    short_name = TextField()
    bics = TextField()
    bank_codes = TextField()
    products = TextField()
    maturity = TextField()
    status = TextField()
    logo_uri = TextField()
    source = TextField()
    corrections = TextField()
    registry_fingerprint = TextField()
    create_time = BigIntegerField()
    update_time = BigIntegerField()
    remove_time = BigIntegerField(null=True)

    class Meta:
        table_name = "bank"


class Idempotency(Model):
    """What a request_id made (AIP-155): an HMAC of the request and the result's id."""

    caller = TextField()
    method = TextField()
    request_id = TextField()
    body_mac = BlobField()
    resource_id = TextField()
    create_time = BigIntegerField(index=True)

    class Meta:
        table_name = "idempotency"
        primary_key = CompositeKey("caller", "method", "request_id")


class Journal(Model):
    """The one record of every change and every refused credential, in order.

    `once` is what makes several happenings one row: the refusals of one credential,
    client address, reason and minute; a publisher's event. `event` is the type under
    which webhooks tell of the row; empty for most.
    """

    seq = BigAutoField()
    id = TextField(unique=True)
    type = TextField()
    time = BigIntegerField()
    account_id = TextField(default="")
    app_id = TextField(default="")
    actor_kind = TextField()
    actor_id = TextField()
    target_id = TextField()
    facts = TextField()
    call_id = TextField(index=True)
    client_trace_id = TextField()
    client_address = TextField()
    once = TextField(null=True, unique=True)
    count = BigIntegerField(default=1)
    event = TextField(default="")
    chain_number = BigIntegerField(null=True)
    chain_mac = BlobField(null=True)
    count_mac = BlobField(null=True)

    class Meta:
        table_name = "journal"
        indexes = ((("account_id", "seq"), False), (("app_id", "seq"), False))


class JournalChain(Model):
    """The end of one account's chain of rows; of those about no account under an empty id."""

    account_id = TextField(primary_key=True)
    head = BlobField()

    class Meta:
        table_name = "journal_chain"


MODELS = (
    Property,
    SigningKey,
    ServiceKey,
    Account,
    AccountToken,
    SignInFailure,
    App,
    Secret,
    Session,
    SettingsVersion,
    Redirect,
    LinkToken,
    Link,
    Bank,
    Idempotency,
    Journal,
    JournalChain,
)

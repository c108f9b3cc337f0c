"""Every setting there is."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from tgworker.core.completeness import Completeness
from tgworker.core.model import ArtifactFormat, ChatRef, Strategy
from tgworker.settings.field import setting
from tgworker.settings.parsers import (
    chat,
    chats,
    choice,
    headers,
    integer,
    level,
    number,
    pairs,
    redis,
    secret_url,
    server,
    url,
)
from tgworker.settings.values import (
    EventContract,
    FetchMode,
    FloodWaitStrategy,
    LogFormat,
    MetricsMode,
    RateLimitStrategy,
    Secret,
    TraceSampler,
)


@frozen(kw_only=True)
class Settings:
    """Every setting there is; each field's metadata holds its key, aliases and a sentence about it."""

    telegram_api_id: int | None = setting(
        "TELEGRAM_API_ID", integer(1), about="From https://my.telegram.org/apps"
    )
    telegram_api_hash: Secret | None = setting(
        "TELEGRAM_API_HASH", Secret, secret=True, about="From https://my.telegram.org/apps"
    )
    telegram_phone: Secret | None = setting(
        "TELEGRAM_PHONE", Secret, secret=True, about="The account's phone number, +49…"
    )
    telegram_password: Secret | None = setting(
        "TELEGRAM_PASSWORD",
        Secret,
        secret=True,
        about="The account's second password, if it has one",
    )
    telegram_session: Path = setting(
        "TELEGRAM_SESSION",
        Path,
        Path("sessions/tgworker.session"),
        about="A Telethon SQLite session; an existing one works",
    )
    telegram_server: str | None = setting(
        "TELEGRAM_SERVER", server, about="host:port of another MTProto server; unset = Telegram"
    )
    telegram_server_key: Path | None = setting(
        "TELEGRAM_SERVER_KEY", Path, about="PEM file with that server's public RSA key"
    )
    redis_url: Secret = setting(
        "REDIS_URL",
        redis,
        Secret("redis://localhost:6379/0"),
        secret=True,
        about="redis://, rediss:// or unix://; or REDIS_HOST, _PORT, _DB and _PASSWORD",
    )
    command_queue: str = setting(
        "COMMAND_QUEUE", str, "tg_commands", about="The Redis list commands are pushed to"
    )
    event_channel: str = setting(
        "EVENT_CHANNEL", str, "tg_events", about="The Redis channel; the log is the stream NAME:log"
    )
    event_contract: EventContract = setting(
        "EVENT_CONTRACT", choice(EventContract), EventContract.BOTH, about="both, v2 or legacy"
    )
    event_log_maxlen: int = setting(
        "EVENT_LOG_MAXLEN", integer(1), 10_000, about="About how many events the log keeps"
    )
    redis_block_seconds: float = setting(
        "REDIS_BLOCK_SECONDS",
        number(0, above=True),
        5.0,
        about="The longest single wait for a command",
    )
    redis_max_outage_seconds: float = setting(
        "REDIS_MAX_OUTAGE_SECONDS", number(0), 300.0, about="Redis away for longer: stop, exit 4"
    )
    lease_seconds: int = setting(
        "LEASE_SECONDS",
        integer(15),
        60,
        about="A dead worker's command is handed out again after this",
    )
    max_deliveries: int = setting(
        "MAX_DELIVERIES",
        integer(1),
        3,
        about="A command that kills its worker this often is set aside",
    )
    worker_id: str = setting(
        "WORKER_ID", str, aliases=("HOSTNAME",), about="This worker's name; default: the host's"
    )
    service_name: str = setting(
        "SERVICE_NAME", str, "telegram-fetcher", about="`service` in logs and legacy events"
    )
    environment: str = setting("ENVIRONMENT", str, "development", about="`environment` in logs")
    log_level: str = setting("LOG_LEVEL", level, "INFO", about="DEBUG … CRITICAL")
    log_format: LogFormat | None = setting(
        "LOG_FORMAT", choice(LogFormat), about="json or console; default: console on a terminal"
    )
    loki_url: str | None = setting("LOKI_URL", url("http", "https"), about="Push logs to Loki")
    victoria_logs_url: str | None = setting(
        "VICTORIA_LOGS_URL", url("http", "https"), about="Push logs to VictoriaLogs"
    )
    fetch_concurrency: int = setting(
        "FETCH_CONCURRENCY",
        integer(1, 64),
        2,
        aliases=("PARALLELISM_MAX",),
        about="How many chats are fetched at once",
    )
    fetch_strategy: Strategy = setting(
        "FETCH_STRATEGY",
        choice(Strategy),
        Strategy.AUTO,
        about="For commands that say auto or nothing",
    )
    fetch_mode: FetchMode = setting(
        "FETCH_MODE",
        choice(FetchMode),
        FetchMode.YESTERDAY,
        about="`tgworker fetch`: yesterday or full",
    )
    fetch_chats: tuple[str, ...] = setting(
        "FETCH_CHATS", chats, (), about="`tgworker fetch`: chats, separated by commas"
    )
    refresh_days: int = setting(
        "REFRESH_DAYS",
        integer(0, 3660),
        0,
        about="`tgworker fetch`: the last N days are looked at again for edits and deletions",
    )
    verify_completeness: Completeness = setting(
        "VERIFY_COMPLETENESS",
        choice(Completeness),
        Completeness.OFF,
        about="Compare days with Telegram's own count: off, sample (a tenth of them) or always",
    )
    data_dir: Path = setting("DATA_DIR", Path, Path("data"), about="Where the archive lies")
    artifact_format: ArtifactFormat = setting(
        "ARTIFACT_FORMAT", choice(ArtifactFormat), ArtifactFormat.JSON, about="json or jsonl"
    )
    schema_version: str = setting(
        "SCHEMA_VERSION", str, "1.0.0", about="Written into every artifact and event"
    )
    retry_max_attempts: int = setting(
        "RETRY_MAX_ATTEMPTS", integer(1), 5, aliases=("MAX_RETRIES",), about="Tries of one request"
    )
    retry_max_elapsed_seconds: float = setting(
        "RETRY_MAX_ELAPSED_SECONDS",
        number(0, above=True),
        120.0,
        about="For all tries of one request",
    )
    backoff_base_seconds: float = setting(
        "BACKOFF_BASE_SECONDS",
        number(0),
        0.5,
        aliases=("MIN_RETRY_WAIT",),
        about="The first wait between tries, at most",
    )
    backoff_max_seconds: float = setting(
        "BACKOFF_MAX_SECONDS",
        number(0),
        10.0,
        aliases=("MAX_RETRY_WAIT",),
        about="The longest wait between tries",
    )
    circuit_breaker_window_seconds: float = setting(
        "CIRCUIT_BREAKER_WINDOW_SECONDS",
        number(0, above=True),
        30.0,
        about="Failures are counted in it",
    )
    circuit_breaker_failure_threshold: int = setting(
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD",
        integer(1),
        5,
        about="So many failures in a row open the breaker",
    )
    circuit_breaker_open_timeout_seconds: float = setting(
        "CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS", number(0, above=True), 60.0, about="Then one probe"
    )
    request_timeout_seconds: float = setting(
        "REQUEST_TIMEOUT_SECONDS",
        number(0, above=True),
        30.0,
        about="Telegram has not answered by then: ask again",
    )
    requests_per_second: float = setting(
        "REQUESTS_PER_SECOND", number(0, above=True), 1.0, about="To Telegram, for the account"
    )
    request_burst: int = setting(
        "REQUEST_BURST", integer(1), 5, about="So many requests at once after a rest"
    )
    rate_limit_strategy: RateLimitStrategy = setting(
        "RATE_LIMIT_STRATEGY",
        choice(RateLimitStrategy),
        RateLimitStrategy.ADAPTIVE,
        about="adaptive slows down after a flood wait; or fixed",
    )
    flood_wait_max_seconds: float = setting(
        "FLOOD_WAIT_MAX_SECONDS", number(0), 300.0, about="Longer waits park the command"
    )
    flood_wait_jitter_seconds: float = setting(
        "FLOOD_WAIT_JITTER_SECONDS", number(0), 5.0, about="Added to every flood wait, at most"
    )
    flood_wait_strategy: FloodWaitStrategy = setting(
        "FLOOD_WAIT_STRATEGY",
        choice(FloodWaitStrategy),
        FloodWaitStrategy.PARK,
        about="park or fail on a wait that is too long",
    )
    progress_interval_seconds: float = setting(
        "PROGRESS_INTERVAL_SECONDS", number(0), 5.0, about="At most one progress event in it"
    )
    shutdown_timeout_seconds: float = setting(
        "SHUTDOWN_TIMEOUT_SECONDS", number(0), 30.0, about="What is not done by then is cut off"
    )
    metrics_mode: MetricsMode = setting(
        "METRICS_MODE", choice(MetricsMode), about="off, scrape, push or both (both in production)"
    )
    http_host: str = setting(
        "HTTP_HOST", str, "127.0.0.1", about="Where /metrics and /healthz listen"
    )
    http_port: int = setting("HTTP_PORT", integer(0, 65535), 9108, about="0 = any free port")
    pushgateway_url: str | None = setting(
        "PUSHGATEWAY_URL", url("http", "https"), about="Where metrics are pushed"
    )
    push_interval_seconds: float = setting(
        "PUSH_INTERVAL_SECONDS", number(0, above=True), 15.0, about="How often"
    )
    health_file: Path = setting(
        "HEALTH_FILE",
        Path,
        Path("/tmp/.fetcher_healthy"),
        about="Where the worker says how it is, as JSON, every ten seconds",
    )
    notify_chat: ChatRef | None = setting(
        "NOTIFY_CHAT",
        chat,
        about="Tell this chat what fails: a group the account may write in, @name or id",
    )
    notify_webhook_url: Secret | None = setting(
        "NOTIFY_WEBHOOK_URL",
        secret_url,
        secret=True,
        about="Tell this webhook (Slack's form) what fails, the account's end too",
    )
    otel_exporter_otlp_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        url("http", "https"),
        about="Send traces to this OpenTelemetry collector, by OTLP over HTTP",
    )
    otel_exporter_otlp_headers: Secret | None = setting(
        "OTEL_EXPORTER_OTLP_HEADERS", headers, secret=True, about="For that: key=value,…"
    )
    otel_service_name: str | None = setting(
        "OTEL_SERVICE_NAME", str, about="`service.name` in traces; default: SERVICE_NAME"
    )
    otel_resource_attributes: tuple[tuple[str, str], ...] = setting(
        "OTEL_RESOURCE_ATTRIBUTES", pairs, (), about="More about this process: key=value,…"
    )
    otel_traces_sampler: TraceSampler = setting(
        "OTEL_TRACES_SAMPLER",
        choice(TraceSampler),
        TraceSampler.PARENT_OR_ON,
        about="Which traces are kept, by OpenTelemetry's names: always_on, parentbased_traceidratio, …",
    )
    otel_traces_sampler_arg: float = setting(
        "OTEL_TRACES_SAMPLER_ARG", number(0, 1), 1.0, about="The share of them, for …traceidratio"
    )

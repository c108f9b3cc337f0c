# syntax=docker/dockerfile:1
# Two stages: what builds stays behind, and the image runs as nobody in particular, with nothing writable but its volumes and /tmp.
#
#   docker build --tag tgworker .
#   docker run --rm --read-only --tmpfs /tmp --env-file .env -v tg-data:/app/data -v tg-sessions:/app/sessions tgworker
#
# For linux/amd64 and linux/arm64. Whatever is installed is pinned with its hash; bin/lock renews the pins.

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
# The dependencies first: they change less often than the source, and Docker keeps this layer.
COPY deploy/requirements.lock deploy/requirements-build.lock ./deploy/
RUN pip install --require-hashes --only-binary :all: --requirement deploy/requirements-build.lock \
    && pip wheel --require-hashes --no-deps --no-build-isolation --wheel-dir /wheels --requirement deploy/requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY tgworker tgworker
# Into a venv without pip and without the tests that some packages bring: what runs needs neither.
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/tgworker \
    && pip --python /opt/tgworker/bin/python install --no-index --no-deps /wheels/*.whl \
    && find /opt/tgworker -depth -type d -name '*tests' -exec rm -r {} +

FROM python:3.13-slim-trixie
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tgworker" \
      org.opencontainers.image.description="Archives Telegram chats, one file a day" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/tgworker/tgworker" \
      org.opencontainers.image.documentation="https://github.com/tgworker/tgworker/blob/main/docs/operations.md" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim-trixie"
RUN useradd --uid 10001 --user-group --no-log-init --no-create-home --home-dir /app --shell /usr/sbin/nologin tgworker \
    && install --directory --owner tgworker --group tgworker --mode 750 /app/data \
    && install --directory --owner tgworker --group tgworker --mode 700 /app/sessions
# Owned by root: the worker can't change its own program.
COPY --from=build /opt/tgworker /opt/tgworker
ENV PATH=/opt/tgworker/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Inside a container "localhost" reaches nobody; who may reach this port is decided outside.
ENV HTTP_HOST=0.0.0.0
# By number, so that who must not run root can see that this is not root.
USER 10001:10001
WORKDIR /app
VOLUME ["/app/data", "/app/sessions"]
EXPOSE 9108
# The worker writes its health file every ten seconds; a start may wait for Redis.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["tgworker", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tgworker"]
CMD ["run"]

# Two stages: what builds stays behind, and the image runs as nobody in particular.
#
#   docker build -t tgworker .
#   docker run --rm --env-file .env -v tg-data:/app/data -v tg-sessions:/app/sessions tgworker

FROM python:3.13-slim AS build
# For the rare dependency that has no wheel for this platform.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/tgworker
ENV PATH=/opt/tgworker/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY tgworker tgworker
RUN pip install .

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --home-dir /app tgworker \
    && mkdir /app/data /app/sessions \
    && chown tgworker:tgworker /app/data /app/sessions \
    && chmod 700 /app/sessions
COPY --from=build /opt/tgworker /opt/tgworker
ENV PATH=/opt/tgworker/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Inside a container "localhost" reaches nobody.
ENV HTTP_HOST=0.0.0.0
USER tgworker
WORKDIR /app
VOLUME ["/app/data", "/app/sessions"]
EXPOSE 9108
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["tgworker", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tgworker"]
CMD ["run"]

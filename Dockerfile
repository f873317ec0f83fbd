# The portal in an image: `docker build -t portal .`; compose.yaml runs it with its worker and PostgreSQL.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python --disable-pip-version-check --no-input install \
        --no-cache-dir --require-hashes --only-binary :all: --requirement requirements.txt

FROM python:${PYTHON}-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    DATA_DIR=/var/lib/portal \
    HOST=0.0.0.0 \
    PORT=8000
RUN useradd --system --uid 10001 --home-dir /var/lib/portal --shell /usr/sbin/nologin portal \
    && install --directory --owner portal --mode 0700 /var/lib/portal
WORKDIR /srv/portal
COPY --from=build /opt/venv /opt/venv
COPY wsgi.py ./
COPY portal ./portal
COPY templates ./templates
COPY static ./static
RUN python -m compileall -q portal wsgi.py
USER 10001
VOLUME /var/lib/portal
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["python", "-m", "portal.commands.run"]

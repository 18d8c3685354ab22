# peccy's app tier. Build from the repository's root:
#   ENGINE build --file services/peccy/Containerfile.app --build-arg BASE=python@sha256:... --tag REGISTRY/peccy-app:TAG .
# Releases give BASE by digest (the tag alone can move); the default is for trying it out.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS packages
COPY requirements/peccy.txt /requirements.txt
RUN python -m venv /opt/peccy \
 && /opt/peccy/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: --requirement /requirements.txt \
 && /opt/peccy/bin/pip uninstall --yes pip setuptools

FROM ${BASE}
COPY --from=packages /opt/peccy /opt/peccy
COPY services/peccy/app /srv/peccy/app
RUN /opt/peccy/bin/python -m compileall -q /srv/peccy/app
WORKDIR /srv/peccy
ENV PATH=/opt/peccy/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m", "app"]

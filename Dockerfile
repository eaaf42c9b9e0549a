# Two stages: the first turns the sources into a virtual environment, the second holds that and nothing to build with.

# A digest after the tag (…@sha256:…) makes it the very same base each time; docs/how-to/build-the-image.md says how.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src

# Dependencies first: they change less often than the sources, so this layer is mostly taken from the cache. pip stays in
# an environment of its own and fills the other from outside, so nothing in the image can install anything.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.txt
RUN python -m venv --without-pip /opt/funcgate \
 && /opt/build/bin/python -m pip --python /opt/funcgate/bin/python install --no-cache-dir --no-deps --require-hashes \
    -r requirements/runtime.txt

COPY pyproject.toml LICENSE ./
COPY requirements/runtime.in requirements/
COPY operator operator
RUN /opt/build/bin/python -m pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir /opt/build/wheels . \
 && /opt/build/bin/python -m pip --python /opt/funcgate/bin/python install --no-cache-dir --no-deps --no-index \
    --find-links /opt/build/wheels funcgate \
 && /opt/build/bin/python -m pip --python /opt/funcgate/bin/python check

# The root file system is read-only where this runs: without bytecode from here, every start would compile all of it.
RUN /opt/funcgate/bin/python -m compileall -q -j 0 /opt/funcgate/lib


FROM ${BASE}
LABEL org.opencontainers.image.title="funcgate" \
      org.opencontainers.image.description="Keeps Azure API Management, Function Apps and Entra reconciled with one custom resource" \
      org.opencontainers.image.licenses="Apache-2.0"

# The official image comes without the standard library's bytecode.
RUN python -m compileall -q -j 0 /usr/local/lib/python3.13

COPY --from=build /opt/funcgate /opt/funcgate
ENV PATH="/opt/funcgate/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# No name is needed for it, and a number is what Kubernetes can check (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["funcgate"]
CMD ["run"]

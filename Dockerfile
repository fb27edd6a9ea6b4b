# NVIDIA's Triton server with what the Python models of model_repository/ import and its image lacks. The image brings
# the official C++ backends, Python 3.12 and a numpy below 2; the models bring their own files, mounted by compose.yaml.
#
# 26.11 is Triton 2.75.0. It is newer than the embedded server on purpose: that one, release 24.10, has published security
# holes, the last of which NVIDIA's bulletins close with 26.07. The clients of requirements.lock speak the same protocol.
# https://github.com/triton-inference-server/server/releases/tag/v2.75.0
FROM nvcr.io/nvidia/tritonserver:26.11-py3

# Names only: the versions are those of requirements.lock, so models meet the same packages as with the embedded server.
# No dependencies: tokenizers wants huggingface-hub for downloads alone, and these models read files from their folders.
# A name that the lock does not have ends the build, as does a module that cannot be imported by this image's Python.
ARG PACKAGES="tokenizers opencv-python-headless pyclipper pillow fasttext-predict snowballstemmer"
ARG MODULES="tokenizers cv2 pyclipper PIL fasttext snowballstemmer"
COPY requirements.lock /tmp/requirements.lock
RUN for name in $PACKAGES; do grep -E "^$name==" /tmp/requirements.lock || exit 1; done >/tmp/packages.txt \
    && python3 -m pip install --no-cache-dir --no-deps --only-binary=:all: -r /tmp/packages.txt \
    && for name in $MODULES; do python3 -c "import $name" || exit 1; done \
    && rm /tmp/requirements.lock /tmp/packages.txt

# The translator of lesson 09: Ubuntu's packages (GPL-2.0 or later), whose programs the model `apertium` finds in /usr.
RUN apt-get update \
    && apt-get install -y --no-install-recommends apertium apertium-eng-spa apertium-fr-es apertium-es-pt apertium-eng-cat \
    && rm -rf /var/lib/apt/lists/*

# Models are mounted read-only and read no network.
ENV PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1

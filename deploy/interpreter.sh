#!/bin/sh
# Prints the Python that environments are made of (the Makefile asks; PYTHON= overrides).
#
# Builds of one version differ in speed: pyenv compiles without profile-guided optimisation unless told
# otherwise, while distributions, python.org and the official images optimise. So the python3 of the path is passed over
# only when it is such a slow build, or too old, and the system's own will do (docs/decisions/032-interpreter.md).

suits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

optimised() {
    "$1" -c 'import sys, sysconfig; sys.exit("--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""))' 2>/dev/null
}

if suits python3 && optimised python3; then
    echo python3
elif suits /usr/bin/python3; then
    echo /usr/bin/python3
else
    echo python3
fi

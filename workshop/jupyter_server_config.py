"""For each learner's server; JUPYTER_CONFIG_PATH, set in jupyterhub_config.py, leads here."""

import os

c = get_config()  # noqa: F821  Jupyter provides it

# Jupyter writes into its data base of trusted notebooks also when it opens one. In memory, and
# kept until the machine restarts, a full disk keeps nobody from opening saved work.
c.NotebookNotary.data_dir = os.environ["JUPYTER_RUNTIME_DIR"]

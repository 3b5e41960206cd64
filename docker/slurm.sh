#!/bin/bash
# A search on whole Slurm nodes, in the environment that nas-search is installed in (Ray 2.52 or newer):
#   sbatch docker/slurm.sh --budget-macs 5G --teacher ffhq256.pkl --data ffhq256.zip
# Every node runs the same command: the first one becomes Ray's head and searches, the others train.
# Submit from a folder that all nodes see, since studies are written to its nas-runs. A search that ran out of time
# resumes: submit the same line again. With PostgreSQL, which other machines can read while it runs (docker/README.md):
#   NAS_STORAGE=postgresql+psycopg://nas@db/nas PGPASSFILE=~/.pgpass sbatch docker/slurm.sh …
#SBATCH --job-name=nas-search
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --output=nas-search-%j.log
# `ray symmetric-run` ends with `ray stop`, which stops every Ray of the node: hence whole nodes (--exclusive).
# With GPUs, add for example  --gpus-per-node=4  to the sbatch line: Ray sees those that Slurm gives.
set -euo pipefail

# Other users of the nodes can't reach this Ray: its processes share the token of ~/.ray/auth_token.
export RAY_AUTH_MODE=token RAY_worker_niceness=0
ray get-auth-token --generate >/dev/null

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address="$head:${NAS_RAY_PORT:-6379}"
search=(nas-search --ray-address "$address")
if [ -n "${NAS_STORAGE:-}" ]; then
    search+=(--storage "$NAS_STORAGE")
fi

exec srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
    ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" --disable-usage-stats \
    -- "${search[@]}" "$@"

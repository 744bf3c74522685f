#!/usr/bin/env bash
# {{ nodes }} machines with {{ gpus_per_node }} GPUs each. Submit it from a folder that all machines see: sbatch {{ file }}
#SBATCH --job-name={{ name }}
#SBATCH --nodes={{ nodes }}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node={{ gpus_per_node }}
#SBATCH --cpus-per-task={{ gpus_per_node*threads }}
#SBATCH --time={{ (hours*60)|round(0, 'ceil')|int }}
#SBATCH --output={{ name }}-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@{{ grace }}
# Lines for your cluster, such as: #SBATCH --partition=gpu  #SBATCH --account=me
set -uo pipefail

{% for key, value in environment.items() %}
export {{ key }}={{ value|quote }}
{% endfor %}

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))

# Slurm sends SIGTERM {{ grace }} s before the time is over: the run saves a checkpoint, and the job queues again
stopped=no
stop() { stopped=yes; scancel --signal=TERM "$SLURM_JOB_ID"; }
trap stop TERM

# one launcher on each machine; it starts a process for each GPU, and starts all again when one fails
srun --kill-on-bad-exit=1 torchrun --nnodes={{ nodes }} --nproc-per-node={{ gpus_per_node }} \
    --rdzv-backend=c10d --rdzv-endpoint="$head:$port" --rdzv-id="$SLURM_JOB_ID" \
    --rdzv-conf=join_timeout={{ timeout }} --max-restarts={{ restarts }} \
    {{ command }} &
job=$!
wait "$job"
code=$?
if [ "$stopped" = yes ]; then
    wait "$job"
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
fi
exit "$code"

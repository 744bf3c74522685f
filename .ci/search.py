"""The site's own search brings the right page among its first three for terms of the field

    python .ci/site.py && python .ci/search.py

It runs the search library of the built site on the site's own index, with the options that the site uses.
"""
import json, sys
from nbdev.config import get_config
from py_mini_racer import MiniRacer

OPTIONS = dict(
    keys=[dict(name='title', weight=2), dict(name='section', weight=2), dict(name='text', weight=1)],
    ignoreLocation=True, threshold=0.3, minMatchCharLength=2)

TERMS = { # what a reader types → pages that answer it, any of which will do
    'quick start': ['guides/quick_start'], 'own text': ['guides/quick_start'],
    'preparing data': ['guides/preparing_data'], 'mojibake': ['guides/preparing_data', '01_text/quality', '01_text/cleaning'],
    'environment variables': ['guides/configuration'], 'all settings': ['guides/configuration'],
    'vocabulary sweep': ['guides/tokenizers', '04_tokenizers/vocabulary'],
    'troubleshooting': ['guides/troubleshooting'], 'every error': ['guides/troubleshooting'],
    'GPU is not used': ['guides/troubleshooting'], 'GP-MODEL-012': ['guides/troubleshooting', '03_validation/model_rules'],
    'contributing': ['guides/contributing'], 'pull request': ['guides/contributing'], 'exit code': ['guides/troubleshooting', '12_app/commands'],
    'Read GPT-2': ['learn/read_gpt2'],
    'ipywidgets': ['12_app/widgets', '12_app/planning_panels', '12_app/run_panels'], 'panel': ['12_app/planning_panels', '12_app/run_panels', '12_app/widgets'],
    'progress bar': ['00_core/progress'],
    'attention weights': ['07_attention/backends', '08_model/visualize'],
    'attention scores': ['07_attention/backends'],
    'self-attention': ['07_attention/backends', '07_attention/layer'],
    'scaled dot-product': ['learn/attention', 'guides/kernel_ladder', '07_attention/backends'],
    'padding mask': ['learn/attention'], 'look-ahead mask': ['learn/attention'],
    'cross attention': ['learn/blocks'], 'encoder': ['learn/blocks'],
    'residual connection': ['learn/blocks', '08_model/gpt'],
    'multi-head': ['07_attention/layer', '07_attention/backends'],
    'grouped-query attention': ['07_attention/layer', '07_attention/backends'],
    'causal mask': ['07_attention/backends'],
    'sliding window': ['07_attention/backends', '07_attention/flash'],
    'flash attention': ['07_attention/flash'],
    'KV cache': ['07_attention/cache'],
    'feed-forward': ['08_model/gpt', '06_kernels/activations'],
    'SwiGLU': ['06_kernels/activations'],
    'Triton puzzles': ['learn/triton_kernel'], 'vector addition': ['learn/triton_kernel'],
    'GELU': ['06_kernels/activations', '06_kernels/triton'],
    'LayerNorm': ['06_kernels/norms'],
    'RMSNorm': ['06_kernels/norms'],
    'positional encoding': ['06_kernels/positions'],
    'RoPE': ['06_kernels/positions'],
    'ALiBi': ['06_kernels/positions'],
    'cross-entropy': ['06_kernels/cross_entropy'],
    'label smoothing': ['06_kernels/cross_entropy', '06_kernels/loss'],
    'weight tying': ['08_model/gpt', 'learn/assembling_gpt2'],
    'initialization': ['08_model/gpt'],
    'gradient checkpointing': ['08_model/gpt', '09_trainer/loop', '00_core/config'],
    'pretrained weights': ['08_model/pretrained'],
    'catastrophic forgetting': ['learn/pretrained'],
    'LoRA': ['08_model/lora'],
    'fine-tuning': ['09_trainer/finetuning', 'guides/finetuning'],
    'learning rate schedule': ['09_trainer/optimizers'],
    'weight decay': ['09_trainer/optimizers'],
    'Muon': ['09_trainer/optimizers'],
    'time to loss': ['11_bench/time_to_loss'],
    'warmup': ['learn/training_gpt2', '09_trainer/optimizers'],
    'gradient clipping': ['learn/training_gpt2', '09_trainer/loop', '09_trainer/strategy'],
    'gradient accumulation': ['09_trainer/loop', 'learn/training_gpt2', 'learn/training_loops'],
    'early stopping': ['09_trainer/loop'],
    'hyperparameter search': ['09_trainer/tuning'],
    'loss spike': ['09_trainer/spikes'], 'quarantine': ['09_trainer/spikes'],
    'learning curves': ['09_trainer/monitor', '12_app/run_report'],
    'MFU': ['09_trainer/loop'],
    'validation loss': ['09_trainer/loop', '10_generation/evaluation'],
    'checkpoint': ['09_trainer/checkpoint'],
    'mixed precision': ['09_trainer/strategy', '00_core/devices'],
    'perplexity': ['10_generation/evaluation', '09_trainer/monitor'],
    'bits per byte': ['10_generation/evaluation'],
    'confidence interval': ['10_generation/evaluation', '09_trainer/comparison'],
    'bootstrap': ['10_generation/evaluation'],
    'lm-eval': ['10_generation/harness'],
    'multiple choice': ['10_generation/harness'],
    'temperature': ['10_generation/sampling'],
    'min-p': ['10_generation/sampling'],
    'beam search': ['10_generation/beam_search'],
    'token probabilities': ['10_generation/choices'],
    'top-k': ['10_generation/sampling'],
    'repetition penalty': ['10_generation/sampling'],
    'quantization': ['10_generation/quantization'],
    'int8': ['10_generation/quantization'],
    'gguf': ['10_generation/gguf'],
    'llama.cpp': ['10_generation/gguf'],
    'autoregressive': ['10_generation/engine', '08_model/gpt', '10_generation/sampling'],
    'continuous batching': ['10_generation/engine', '10_generation/scheduler'],
    'speculative decoding': ['10_generation/speculative'],
    'stop string': ['10_generation/engine', '10_generation/completion'],
    'ONNX': ['10_generation/onnx'],
    'model card': ['10_generation/model_card'],
    'Hugging Face folder': ['10_generation/export', '08_model/pretrained', '00_core/hf_config'],
    'byte-pair encoding': ['04_tokenizers/bpe'],
    'special tokens': ['04_tokenizers/tokenizer'],
    'tokenizer parity': ['04_tokenizers/parity'],
    'vocabulary size': ['04_tokenizers/vocabulary'],
    'deduplication': ['01_text/cleaning', '01_text/quality', '05_data/prepare'],
    'near duplicates': ['01_text/quality', '01_text/cleaning'],
    'contamination': ['02_analysis/contamination'],
    'language identification': ['01_text/languages'],
    'overrides': ['00_core/loading'],
    'packing': ['05_data/sampler', '05_data/batches'],
    'loss mask': ['05_data/chat', '05_data/batches', '05_data/sampler'],
    'overfitting': ['03_validation/run_rules', '03_validation/recommendation', '09_trainer/loop'],
    'FLOPs': ['03_validation/counts'],
    'critical batch size': ['09_trainer/scaling'],
    'all-reduce': ['09_trainer/scaling', '09_trainer/strategy'],
    'multi-node': ['guides/multi_node', '09_trainer/launch'],
    'Slurm': ['09_trainer/launch', 'guides/multi_node'],
    'Kubernetes': ['09_trainer/launch', 'guides/multi_node'],
    'OpenAI': ['10_generation/protocol', '10_generation/serving'],
    'server-sent events': ['10_generation/protocol', '10_generation/http'],
    'Docker': ['guides/deployment'], 'systemd': ['guides/deployment'],
    'reverse proxy': ['guides/deployment'],
    'memory forecast': ['03_validation/memory', '03_validation/forecast'],
    'autograd': ['learn/tensors'], 'broadcasting': ['learn/tensors'],
    'backpropagation': ['learn/tensors'], 'DataLoader': ['learn/datasets'],
    'augmentation': ['learn/datasets', 'learn/cnn'], 'map-style dataset': ['learn/datasets'],
    'training loop': ['learn/training_loops', '09_trainer/loop'],
    'momentum': ['learn/training_loops', '09_trainer/optimizers'],
    'convolution': ['learn/cnn'], 'TensorBoard': ['learn/cnn', '09_trainer/monitor'],
    'confusion matrix': ['learn/cnn'], 'word2vec': ['learn/embeddings'],
    'PCA': ['learn/embeddings', '08_model/visualize'],
    't-SNE': ['learn/embeddings', '08_model/visualize'],
}

def main():
    "Print each term whose pages are not among the first three, with what came instead"
    site = get_config().doc_path
    if not (site/'search.json').exists(): sys.exit(f'{site} has no search.json: run python .ci/site.py first')
    browser = MiniRacer()
    browser.eval('var self = this, window = this;')
    browser.eval((site/'site_libs/fuse/fuse.min.js').read_text('utf-8'))
    index = (site/'search.json').read_text('utf-8')
    browser.eval(f'var fuse = new Fuse({index}, {json.dumps(OPTIONS)});')
    missed = 0
    for term, pages in TERMS.items():
        query = f'JSON.stringify(fuse.search({json.dumps(term)}, {{limit: 60}}).map(hit => hit.item.href))'
        found = [href.partition('.html')[0] for href in json.loads(browser.eval(query))]
        found = list(dict.fromkeys(found))
        if not set(pages) & set(found[:3]):
            missed += 1
            print(f'{term}: {", ".join(found[:3]) or "nothing"} instead of {" or ".join(pages)}')
    print(f'{len(TERMS) - missed} of {len(TERMS)} terms bring their page among the first three')
    return missed

if __name__ == '__main__': sys.exit(main() > 0)

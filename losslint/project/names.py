"""The vocabulary of the field: what the names of functions, parameters and files say about losses.

Words are compared as parts of a name (``focal_loss``, ``DiceLoss``, ``yTrue``), never as substrings: ``lossless`` and
``blossom`` are no losses.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PART = re.compile(r"[A-Za-z]\d+|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_LOSS_PART = re.compile(r"(?!gloss|floss|boss)[a-z]*loss(es)?(fns?|funcs?|functions?)?")


def words(*names: str) -> frozenset[str]:
    return frozenset(word for name in names for word in name.split())


# Words of a function's name that name a loss without the word "loss".
LOSS_WORDS = words(
    "entropy crossentropy crossent xent nll likelihood loglik loglikelihood logprob divergence kld kl jsd penalty penalties",
    "dice iou giou diou ciou jaccard tversky lovasz focal triplet contrastive infonce npairs margin hinge wasserstein",
    "emd sinkhorn elbo huber logcosh mse mae mape msle rmse bce cce pinball quantile quantiles tilted regulariz",
    "regularizer regularizers regularization regularisation regulariser regularizers l1 l2 l1l2 objective cost energy",
    "perceptual cosine poisson error charbonnier ctc crps mmd ssim dssim criterion distillation hausdorff adversarial",
    "binarycrossentropy categoricalcrossentropy sparsecategoricalcrossentropy cls ce xentropy squared discrepancy",
    "supcon simclr ntxent evidential",
)

# Names that say "I measure": without a use as a loss these are metrics.
METRIC_WORDS = words(
    "accuracy acc precision recall sensitivity specificity auc auroc tp fp fn tn tpr fpr confusion psnr r2 rsquared "
    "metric metrics f1 f2 fbeta fscore f1score mcc kappa correlation corr pearson spearman hit hits ndcg mrr map",
    "rate score top topk correct coefficient determination bleu rouge wer cer perplexity quality intelligibility",
)

# What follows "loss" in names of things about losses: loss_scale, loss_weights, plot_loss_curve.
NOT_A_LOSS_AFTER = words(
    "scale scales scaler scaling weight weights weighting name names config configs curve curves plot type types",
    "history histories key keys kwargs args metric metrics tracker trackers summary summaries callback string strings",
    "optimizer params parameters class classes builder factory registry surface landscape reduction logger log logs",
    "average averager meter meters container spec specs mode modes coef coefs coefficient coefficients schedule",
    "aggregator keyed plotter file path dir list text str info test tests threshold iter step steps shape shapes",
    "grad grads gradient gradients example examples",
)

# What is lost there is the power of a wave: nothing is trained by it. "path" is left out, robots learn paths.
ATTENUATIONS = words("pathloss blocking blockage diffraction shadowing")

# Verbs of helpers that handle losses. A (labels, predictions) signature overrules them: get_loss(pred, label).
HELPER_VERBS = words(
    "plot print get load log save write read parse make create build setup register serialize deserialize show draw",
    "display visualize test check assert validate eval evaluate evaluation val track record report collect init",
    "initialize reset clear add set update has is should find resolve extract fetch format prepare configure",
    "append monitor estimate dump export import choose select instantiate wrap unwrap include use summarize store",
    "backward backprop need needs convert scale unscale standardize process normalize name cast call return",
    "handle restore squeeze match broadcast minimize optimize",
)

VALIDATES = words("eval val valid validation")  # val_loss(labels, predictions): measured, not trained

# What NumPy versions of losses are called that measure or check: val_loss, dice_loss_np.
MEASURES = words("np numpy val validation valid eval evaluation test expected reference ref naive manual python score")

MAKER_VERBS = words("get build create make add")  # _build_mask_loss(outputs) may well compute one

LOGARITHMS = words("cosh sum softmax sigmoid likelihood prob probs dice tversky iou barrier ratio odds")

LABEL_WORDS = words(
    "true gt gts gtruth truth groundtruth target targets tgt tgts trg label labels lbl lbls actual actuals real",
    "expected reference ref gold ytrue observed annotation annotations",
)
PREDICTION_WORDS = words(
    "pred preds prediction predictions predicted predict predicts ypred ypreds yhat logit logits hat recon recons",
    "reconstruction reconstructed reconstructions estimate estimated estimates estimation forecast forecasts guess",
    "guesses fake generated est pr yp xhat phat hyp hypothesis inferred",
)
OUTPUT_WORDS = words("output outputs out outs prob probs proba probas probability probabilities score scores")
DETACHES = words("stop_gradient detach")
MASK_WORDS = words("mask masks masking")
WEIGHT_WORDS = MASK_WORDS | words("weight weights")
EMBEDDING_WORDS = words(
    "z za zb z1 z2 query key queries keys anchor anchors positive positives negative negatives embedding embeddings",
    "emb embs projector predictor view views view1 view2 projection projections feature features hidden",
)
CLASS_WEIGHT_WORDS = words("class classes pos neg loss decay kernel cls task")
CONFIG_WORDS = words(
    "gamma alpha beta delta eps epsilon axis axes dim dims reduction num smooth smoothing temperature tau margin "
    "threshold thresholds lambda lamda lam lmbda coef coefficient coeff factor name dtype training config cfg params",
    "hparams options opt args kwargs scale power exponent normalize normalise reduce average size depth verbose debug",
    "mode type method kind ignore step epoch global keepdims strategy ndim rank seed rate is use n ndims sigma k",
    "quantile percentile iteration iterations idx index rng device ignored",
)
CONFIG_NAMES = words(
    "from_logits num_classes n_classes n_class num_class nb_classes batch_size label_smoothing batch_idx batch_index",
    "num_outputs num_labels n_outputs num_replicas num_anchors n_bins num_bins num_samples n_samples num_heads",
)
COUNT_STARTS = words("num n nb")
SIZE_WORDS = words("length lengths len lens shape shapes size sizes count counts")
EITHER_WORDS = words("target targets tgt expected reference ref teacher actual")  # with logits: student's or teacher's?
TRUE_NAMES = words(
    "y_true ytrue y_t true y_actual y_gt y_label y_labels y_target y_targets y_real trues gt y_tru y_trues",
)
FIRST_LABELS = words("y_true y_actual y_target y_label y_labels labels label targets target y_t y t truth ground_truth")
PRED_NAMES = words(
    "y_pred ypred y_hat yhat pred y_predicted y_prediction y_p y_preds preds y_predict y_predictions y_pr pr",
)

LOSS_KEYWORDS = words(
    "loss losses loss_fn loss_fns loss_func loss_function loss_functions criterion criteria criterions",
)
METRIC_KEYWORDS = words("metrics weighted_metrics metric metric_fn metric_fns eval_metrics monitor_metrics")
METRIC_FILES = words("metrics metric")


@lru_cache(maxsize=20_000)
def parts(name: str) -> tuple[str, ...]:
    """``categorical_focalLoss2`` -> categorical, focal, loss, 2 (lower case)."""
    return tuple(part.lower() for part in _PART.findall(name))


@lru_cache(maxsize=20_000)
def names_loss(name: str) -> bool:
    """Whether a name says that its value is a loss: it holds ``loss`` as a word, and not for something of a loss."""
    if "oss" not in name.lower():
        return False
    split = parts(name)
    last = max((position for position, part in enumerate(split) if _LOSS_PART.fullmatch(part)), default=None)
    return last is not None and NOT_A_LOSS_AFTER.isdisjoint(split[last + 1:]) and (
        ATTENUATIONS.isdisjoint(split[max(last - 1, 0):last + 1]))


@lru_cache(maxsize=20_000)
def has_loss_word(name: str) -> bool:
    """Whether a name holds a word such as entropy, dice, penalty or huber."""
    return any(part in LOSS_WORDS for part in parts(name))


@lru_cache(maxsize=20_000)
def names_metric(name: str) -> bool:
    """Whether a name says that it measures and holds no word for a loss."""
    split = parts(name)
    measures = any(part in METRIC_WORDS for part in split) or split[:2] in {("r", "square"), ("r", "squared")}
    return measures and not names_loss(name)


def names_helper(name: str) -> bool:
    """Whether a name starts with the verb of a helper: ``plot_loss``, ``_get_loss_fn``."""
    split = parts(name)
    if split[:2] == ("scale", "invariant") or (split[:1] == ("log",) and split[1:2] and split[1] in LOGARITHMS):
        return False  # log_cosh_loss, not log_losses
    return bool(split) and split[0] in HELPER_VERBS


def names_maker(name: str) -> bool:
    """Whether a name starts with a verb that may build a loss or compute one."""
    return parts(name)[:1] != () and parts(name)[0] in MAKER_VERBS

"""What to know of a set of images before it is trained on."""

from __future__ import annotations

from distill.data.image_set import ImageSet
from distill.data.labels import Labels, empty_classes
from search_spaces import one_line

NAMED = 10  # classes whose counts are written out


def image_remarks(images: ImageSet, *, conditional: bool) -> list[str]:
    """Lines about classes, files that are left out and missing labels.

    `conditional` says whether the classes matter to the networks.
    """
    lines = []
    if images.labels is not None and conditional:
        labels = Labels(images.labels.numpy(), images.classes)
        lines += _classes(labels, of_sample=images.found is not None)
    if images.unlabelled:
        lines.append(f"No labels: {images.unlabelled}")
    lines += [f"Left out: {note}" for note in images.notes]
    return lines + [f"Skipped {skipped}" for skipped in images.skipped]


def _classes(labels: Labels, *, of_sample: bool) -> list[str]:
    counts = labels.counts
    sample = f" of {len(labels.values):,} checked images" if of_sample else ""
    if len(counts) > NAMED:
        names = [one_line(name, 40) for name in (*labels.classes[:3], labels.classes[-1])]
        said = f"{min(counts):,} to {max(counts):,} images each{sample}: {', '.join(names[:3])}, … {names[3]}"
    else:
        pairs = zip(labels.classes, counts, strict=True)
        said = ", ".join(f"{one_line(name, 40)} {count:,}" for name, count in pairs) + sample
    warnings = [] if of_sample else [f"Warning: {note}" for note in empty_classes(labels)]
    return [f"Classes: {len(counts)}; {said}", *warnings]

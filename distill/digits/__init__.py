"""The built-in handwritten digits: their teacher and their classifier."""

from distill.digits.classifier import WEIGHTS, DigitClassifier, classifier_metadata, load_classifier

__all__ = ["WEIGHTS", "DigitClassifier", "classifier_metadata", "load_classifier"]

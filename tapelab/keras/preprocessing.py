"""tf.keras.preprocessing.image, as old guides spell it."""

from types import SimpleNamespace

from .utils import array_to_img

image = SimpleNamespace(array_to_img=array_to_img)

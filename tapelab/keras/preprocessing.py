"""tf.keras.preprocessing.image, as old guides spell it."""

from types import ModuleType

from .utils import array_to_img

image = ModuleType(f"{__name__}.image")
vars(image)["array_to_img"] = array_to_img

"""Freely licensed photographs out of installed packages, and what ImageNet's classes have for them.

The classes were written down by looking at the pictures, before the course's classifier was asked about any; of `chelsea`,
`coffee` and `flower` its answer was known already. A class is right if what it names is what the picture is of.
Left out are photographs whose licence their package does not name.
"""

import dataclasses
from pathlib import Path

from workshop import packaged


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A photograph: where it is, whose it is, and the classes that are right: none where ImageNet has no class for it."""

    name: str
    package: str
    path: str
    sha256: str
    licence: str
    author: str
    classes: tuple[str, ...]

    @property
    def file(self) -> Path:
        """Its file.

        Raises:
            WorkshopError: the package is not installed, or has another file.
        """
        return packaged.file(self.package, self.path, self.sha256)


CC0 = "CC0 1.0"
BY = "CC BY 2.0"
PUBLIC = "public domain"
CAER = "MIT (the package's)"
UNNAMED = "not named"

PHOTOGRAPHS = (
    Photograph(
        "chelsea",
        "skimage",
        "data/chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        CC0,
        "Stéfan van der Walt",
        ("tabby", "tiger cat", "Egyptian cat"),
    ),
    Photograph(
        "coffee",
        "skimage",
        "data/coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        CC0,
        "Rachel Michetti",
        ("espresso", "cup", "coffee mug"),
    ),
    Photograph(
        "rocket",
        "skimage",
        "data/rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        PUBLIC,
        "SpaceX",
        ("missile", "projectile"),
    ),
    Photograph(
        "cameraman",
        "skimage",
        "data/camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        CC0,
        "Lav Varshney",
        ("tripod", "reflex camera"),
    ),
    Photograph(
        "china",
        "sklearn",
        "datasets/images/china.jpg",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        BY,
        "danielbuechele",
        ("palace", "stupa"),
    ),
    Photograph(
        "grace_hopper",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        PUBLIC,
        "James S. Davis, US Navy",
        ("military uniform",),
    ),
    Photograph(
        "camera",
        "caer",
        "data/camera.jpg",
        "cc8ed101619ba39bd19b26efac756c3162a41726939b2bc0cb87fdaf44729dc5",
        CAER,
        UNNAMED,
        ("reflex camera",),
    ),
    Photograph(
        "gold_fish",
        "caer",
        "data/gold_fish.jpg",
        "c62550402ebb427ce787c16412e1a23b4af19dd673bf962c5fd4a79c425dfad9",
        CAER,
        UNNAMED,
        ("goldfish",),
    ),
    Photograph(
        "guitar",
        "caer",
        "data/guitar.jpg",
        "125b5f66eb2d5048ce285de9d4cf22c63cae5f3ad002ad2cf935b42f46d116e1",
        CAER,
        UNNAMED,
        ("electric guitar",),
    ),
    Photograph(
        "puppy",
        "caer",
        "data/puppy.jpg",
        "953d0be84f3f3d309f4a92b232c5694936ef19aa86382273398a80b6fcfac70b",
        CAER,
        UNNAMED,
        ("golden retriever",),
    ),
    Photograph(
        "snow",
        "caer",
        "data/snow.jpg",
        "78814634adc9bfac77e9ae81d87da3aec345c79053c5c5f6a70d1160fc18ec77",
        CAER,
        UNNAMED,
        ("alp",),
    ),
    Photograph(
        "tent",
        "caer",
        "data/tent.jpg",
        "1f9c5bfa8fcede330f7df42c8c9f404d4a8b353e709baf91d2847c0b6176e9e5",
        CAER,
        UNNAMED,
        ("mountain tent",),
    ),
)
"""With something that ImageNet has a class for."""

OUTSIDE = (
    Photograph(
        "astronaut",
        "skimage",
        "data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        PUBLIC,
        "NASA",
        (),
    ),
    Photograph(
        "coins",
        "skimage",
        "data/coins.png",
        "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
        "no known copyright restrictions",
        "Brooklyn Museum",
        (),
    ),
    Photograph(
        "fighter_fish",
        "caer",
        "data/fighter_fish.jpg",
        "dcbd463f3dbb71f187a18f59108d3ec6cd1ca48c3d2e482a898a21a67fa92d11",
        CAER,
        UNNAMED,
        (),
    ),
    Photograph(
        "flower",
        "sklearn",
        "datasets/images/flower.jpg",
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        BY,
        "vultilion",
        (),
    ),
    Photograph(
        "galaxies",
        "skimage",
        "data/hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        PUBLIC,
        "NASA",
        (),
    ),
    Photograph(
        "retina",
        "skimage",
        "data/retina.jpg",
        "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        CC0,
        "Mikael Häggström",
        (),
    ),
)
"""Of what has no class: a person in a space suit, coins, a fighting fish, a dahlia, galaxies, the back of an eye."""

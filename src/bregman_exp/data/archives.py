"""CIFAR-10, CIFAR-100, MNIST, Fashion-MNIST and SVHN."""

import gzip
from contextlib import suppress
from pathlib import Path

import numpy as np

from bregman_exp.data.archive import Archive, Images

IDX_IMAGES, IDX_LABELS = 16, 8  # bytes before the content of an IDX file
DIGITS = tuple(map(str, range(10)))


class CifarArchive(Archive):
    """Batches in Python's pickle format, in a .tar.gz. torchvision checks the batches when it reads them."""

    def read(self, root: Path, training: bool, download: bool) -> Images:
        raw = self.torchvision(str(root), train=training, download=download)
        x = np.ascontiguousarray(raw.data.transpose(0, 3, 1, 2))  # from (n, H, W, 3)
        return Images(x, np.array(raw.targets), tuple(raw.classes))

    def checksums(self) -> list[tuple[str, str]]:
        return [(self.torchvision.filename, self.torchvision.tgz_md5)]


class MnistArchive(Archive):
    """Images and labels in the IDX format, a .gz each: a head of 16 or 8 bytes, then a byte a pixel or label.

    They are read as published, since torchvision does not check the files that it unpacks.
    """

    def read(self, root: Path, training: bool, download: bool) -> Images:
        for file in self.files:
            if not file.is_intact(self.folder(root)):
                if not download:
                    raise RuntimeError(f"{file.name} is missing or damaged")
                self._download(file.name, file.md5, self.folder(root))
        images, labels = self.files[:2] if training else self.files[2:]
        x = self._content(root, images.name, IDX_IMAGES).reshape(-1, *self.shape)
        y = self._content(root, labels.name, IDX_LABELS).astype(np.int64)
        return Images(x, y, tuple(name.partition(" - ")[0] for name in self.torchvision.classes))

    def checksums(self) -> list[tuple[str, str]]:
        return self.torchvision.resources

    def folder(self, root: Path) -> Path:
        return root / self.dataset / "raw"

    def _content(self, root: Path, name: str, head: int) -> np.ndarray:
        content = gzip.decompress((self.folder(root) / name).read_bytes())
        return np.frombuffer(content, np.uint8, offset=head).copy()  # writable, as torch wants it

    def _download(self, name: str, md5: str, folder: Path) -> None:
        from torchvision.datasets.utils import download_url

        *mirrors, last = self.torchvision.mirrors
        for mirror in mirrors:
            with suppress(OSError, RuntimeError):  # no answer, or another file
                return download_url(mirror + name, folder, name, md5)
        return download_url(last + name, folder, name, md5)


class SvhnArchive(Archive):
    """Matlab files, which torchvision checks. The "extra" training images are not used."""

    def read(self, root: Path, training: bool, download: bool) -> Images:
        raw = self.torchvision(str(root), split="train" if training else "test", download=download)
        return Images(np.ascontiguousarray(raw.data), raw.labels, DIGITS)

    def checksums(self) -> list[tuple[str, str]]:
        return [tuple(self.torchvision.split_list[split][1:]) for split in ("train", "test")]


SMALL_COLOUR, SMALL_GREY = (3, 32, 32), (1, 28, 28)

# Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
cifar10 = CifarArchive("cifar10", "CIFAR-10", "CIFAR10", SMALL_COLOUR, 10, 5000, (170_498_071,))
cifar100 = CifarArchive("cifar100", "CIFAR-100", "CIFAR100", SMALL_COLOUR, 100, 5000, (169_001_437,))
# LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998
mnist = MnistArchive("mnist", "MNIST", "MNIST", SMALL_GREY, 10, 10_000, (9_912_422, 28_881, 1_648_877, 4_542))
# Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning", 2017
fashion_mnist = MnistArchive(
    *("fashion_mnist", "Fashion-MNIST", "FashionMNIST", SMALL_GREY, 10, 10_000),
    (26_421_880, 29_515, 4_422_102, 5_148),
)
# Netzer, Wang, Coates, Bissacco, Wu, Ng, "Reading digits in natural images", 2011
svhn = SvhnArchive("svhn", "SVHN", "SVHN", SMALL_COLOUR, 10, 5000, (182_040_794, 64_275_384))
ARCHIVES = {archive.name: archive for archive in (cifar10, cifar100, mnist, fashion_mnist, svhn)}

"""The model zoo: trained networks that come with the package. Each is the folder of a run."""

from bregman_exp.zoo.checksums import check_files as check_files
from bregman_exp.zoo.checksums import write_checksums as write_checksums
from bregman_exp.zoo.pretrained import Pretrained as Pretrained
from bregman_exp.zoo.pretrained import pretrained as pretrained
from bregman_exp.zoo.sample import generated_sample as generated_sample

"""From a checked config to the objects of a run: it joins the wings, which do not know each other.

What only training needs is in ``build.training`` and ``build.together``: they load Lightning, which takes
seconds, so an evaluation or a page does not import them.
"""

from bregman_exp.build.job import Job as Job
from bregman_exp.build.job import job as job
from bregman_exp.build.job import seeds_label as seeds_label
from bregman_exp.build.job import stack_folder as stack_folder
from bregman_exp.build.job import stack_identity as stack_identity
from bregman_exp.build.known_data import black_images as black_images
from bregman_exp.build.objects import activation as activation
from bregman_exp.build.objects import check_device as check_device
from bregman_exp.build.objects import check_model as check_model
from bregman_exp.build.objects import dataset as dataset
from bregman_exp.build.objects import device as device
from bregman_exp.build.objects import half as half
from bregman_exp.build.objects import model as model
from bregman_exp.build.objects import network as network
from bregman_exp.build.objects import with_stem_for as with_stem_for
from bregman_exp.build.steps import forms as forms
from bregman_exp.build.steps import forward as forward
from bregman_exp.build.steps import precision_advice as precision_advice
from bregman_exp.build.stored import MisfitError as MisfitError
from bregman_exp.build.stored import check_belongs as check_belongs
from bregman_exp.build.stored import check_is_older as check_is_older
from bregman_exp.build.stored import check_same_data as check_same_data
from bregman_exp.build.stored import check_stored as check_stored
from bregman_exp.build.stored import identity_of as identity_of
from bregman_exp.build.stored import stored_run as stored_run
from bregman_exp.build.stored import trained_model as trained_model
from bregman_exp.build.suite import attack_specs as attack_specs

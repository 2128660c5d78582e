"""From the frame to pictures, one kind a file: data in, figure out; ``style.py`` is how all of them look.

The pictures that look into networks load them, so this room may know torch.
"""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures are written, not shown; a notebook's backend may not be installed

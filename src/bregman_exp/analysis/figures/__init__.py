"""From the frame to pictures: data in, figure out. Pictures of networks load torch."""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures are written, not shown; a notebook's backend may not be installed

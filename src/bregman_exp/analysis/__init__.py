"""What run folders say together: the frame of all figures, tables, comparisons, figures, the page."""

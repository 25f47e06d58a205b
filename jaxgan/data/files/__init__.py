"""Files of pictures: which there are, which are held out, and what is written beside them."""

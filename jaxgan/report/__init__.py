"""What runs say of themselves, for a person: pages, pictures, comparisons."""

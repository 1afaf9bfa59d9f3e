"""Words of the product: prompt texts and reply texts, English and Chinese, versioned."""

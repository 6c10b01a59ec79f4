"""Files and addresses: read with care, and written whole or not at all."""

"""Makes pytest explain the assertions of `contract.py` as it does those of a test module."""

import pytest

pytest.register_assert_rewrite("contract")

"""Knowledge about operations: data only, no control flow."""

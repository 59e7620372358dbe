"""Water levels read off real pictures whose truth was read by eye."""

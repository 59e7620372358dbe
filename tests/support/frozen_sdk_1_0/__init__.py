"""An adapter as it was written for SDK 1.0, standing for all those that nobody touches any more."""

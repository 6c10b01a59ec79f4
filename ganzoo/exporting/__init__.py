"""SavedModel and TFLite files, each with the proof that it paints what the Keras model paints."""

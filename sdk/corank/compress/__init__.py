"""From a trained model to one that ships: ONNX graphs, and the runtime that needs no torch."""

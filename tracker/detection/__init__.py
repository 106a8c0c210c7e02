"""Frames → detections, by one of several detectors."""

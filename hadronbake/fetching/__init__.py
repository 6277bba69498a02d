"""SRC_URI → verified files in the download directory."""

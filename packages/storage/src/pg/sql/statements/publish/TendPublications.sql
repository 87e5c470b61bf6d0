select publication, reads from kafka.tend_publications()

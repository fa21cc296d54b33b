"""What happened on hosts, kept between runs."""

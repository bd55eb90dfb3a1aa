"""What any extension API server needs: front-proxy trust, access reviews, registration. It knows no claims."""

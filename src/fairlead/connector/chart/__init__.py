"""The objects of the Helm chart, made without Helm.

`fairlead connector install` must need no helm binary, and yet `helm upgrade` has to take over what it made. So the
chart exists twice, as templates in `charts/fairlead-connector` and as the functions here, and a test holds the two
equal for many values. Running the templates ourselves would have taken a Go template engine; applying objects of our
own design would have left two kinds of installation to support.
"""

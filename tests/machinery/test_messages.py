import pytest

from fairlead.machinery.messages import Headers, Request


@pytest.mark.requirement("machinery:headers-repeat")
def test_header_lines_keep_order_and_duplicates() -> None:
    headers = Headers([("X-Remote-Group", "a,b"), ("X-Remote-Group", "c"), ("Accept", "")])
    assert headers.all("x-remote-group") == ["a,b", "c"]
    assert headers.get("X-REMOTE-GROUP") == "a,b"
    assert "accept" in headers
    assert "cookie" not in headers
    assert headers.get("cookie", "none") == "none"


@pytest.mark.requirement("machinery:headers-repeat")
def test_header_values_stay_out_of_reprs() -> None:
    request = Request("GET", "/", headers=Headers([("Authorization", "Bearer hush")]), body=b"hush")
    assert "hush" not in repr(request)
    assert "authorization" in repr(request)


@pytest.mark.requirement("machinery:first-parameter-wins")
def test_the_first_of_a_repeated_parameter_counts() -> None:
    request = Request("GET", "/", "a=1&a=2&b=&c=%2F+x")
    assert request.parameters == {"a": "1", "b": "", "c": "/ x"}

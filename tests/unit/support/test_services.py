"""The order in which a test session looks for its services."""

import pytest

from support.docker import MOSQUITTO, TIMESCALEDB, Part
from support.services import Choice, ForcedServicesError, choose


def with_engine() -> None:
    return None


def without_engine() -> str:
    return "no Docker engine answers"


def image_here(part: Part) -> str | None:
    return part.built_here


def no_image(part: Part) -> str | None:
    return None


def test_a_given_url_comes_first() -> None:
    choice = choose(
        TIMESCALEDB, "DB", environment={"DB": "postgresql://h/d"}, trouble=with_engine, find_image=image_here
    )
    assert choice == Choice(way="environment", url="postgresql://h/d")


def test_docker_comes_second() -> None:
    choice = choose(MOSQUITTO, "MQ", environment={}, trouble=with_engine, find_image=image_here)
    assert choice == Choice(way="docker", image="lampkeep/mosquitto:dev")


@pytest.mark.parametrize(
    ("trouble", "find_image", "why"),
    [(without_engine, image_here, "no Docker engine answers"), (with_engine, no_image, "no image")],
)
def test_the_embedded_part_comes_last_and_says_why(trouble: object, find_image: object, why: str) -> None:
    choice = choose(TIMESCALEDB, "DB", environment={}, trouble=trouble, find_image=find_image)  # type: ignore[arg-type]
    assert choice.way == "embedded"
    assert why in (choice.why_not_docker or "")


@pytest.mark.parametrize("environment", [{}, {"DB": "postgresql://h/d"}])
@pytest.mark.parametrize(("trouble", "find_image"), [(without_engine, image_here), (with_engine, no_image)])
def test_forced_docker_that_is_not_there_is_a_failure(
    environment: dict[str, str], trouble: object, find_image: object
) -> None:
    forced = {**environment, "LAMPKEEP_TEST_SERVICES": "docker"}
    with pytest.raises(ForcedServicesError, match="make images"):
        choose(TIMESCALEDB, "DB", environment=forced, trouble=trouble, find_image=find_image)  # type: ignore[arg-type]


def test_forced_embedded_looks_no_further() -> None:
    forced = {"LAMPKEEP_TEST_SERVICES": "embedded", "DB": "postgresql://h/d"}
    assert choose(TIMESCALEDB, "DB", environment=forced, trouble=with_engine, find_image=image_here).way == "embedded"


def test_another_word_is_refused() -> None:
    with pytest.raises(ForcedServicesError, match="may be docker or embedded"):
        choose(TIMESCALEDB, "DB", environment={"LAMPKEEP_TEST_SERVICES": "Docker"})

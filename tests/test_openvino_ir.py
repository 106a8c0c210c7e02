import re
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13 as ops

from tracker.errors import WeightsError
from tracker.openvino_ir import read_ir

FACE = Path(__file__).parents[2] / "shared/weights/face-reidentification-retail-0095.xml"
needs_weights = pytest.mark.skipif(not FACE.exists(), reason=f"no face network at {FACE}")
KINDS = {
    *("Parameter", "Const", "Convolution", "GroupConvolution", "Add", "Multiply"),
    *("PReLU", "Sigmoid", "AvgPool", "Result"),
}


def values(*shape, seed=0):
    drawn = np.random.default_rng([seed, *shape]).normal(size=shape)
    return (drawn / max(1.0, np.prod(shape[1:])) ** 0.5).astype(np.float32)


def constant(*shape, seed=0):
    return ops.constant(values(*shape, seed=seed))


def convolve(node, kernels, strides=(1, 1), begin=(0, 0), end=(0, 0), dilations=(1, 1)):
    return ops.convolution(node, kernels, list(strides), list(begin), list(end), list(dilations))


def pool(node, kernel, strides, pad=(0, 0), exclude_pad=True):
    return ops.avg_pool(node, list(strides), list(pad), list(pad), list(kernel), exclude_pad)


def of_every_kind(image):
    """A network as the face network is: squeeze-and-excitation on grouped convolutions."""
    scaled = ops.multiply(image, constant(1, 3, 1, 1))
    wide = ops.add(
        convolve(scaled, constant(8, 3, 3, 3), (2, 2), (1, 1), (1, 1)), constant(1, 8, 1, 1)
    )
    wide = ops.prelu(wide, ops.constant(np.array([0.25], np.float32)))
    grouped = ops.group_convolution(wide, constant(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    grouped = ops.prelu(grouped, constant(8, seed=1))
    pooled = pool(grouped, (16, 16), (16, 16))
    squeezed = ops.prelu(convolve(pooled, constant(4, 8, 1, 1)), constant(4))
    excited = ops.sigmoid(convolve(squeezed, constant(8, 4, 1, 1)))
    joined = ops.add(ops.multiply(grouped, excited), wide)
    return convolve(joined, constant(10, 8, 16, 16))


def lopsided(image):
    """Padding that differs by side, dilation, and groups of several channels."""
    wide = convolve(image, constant(6, 3, 3, 2), (2, 1), (2, 0), (1, 1), (2, 1))
    return ops.group_convolution(wide, constant(2, 5, 3, 3, 3), [1, 2], [0, 1], [0, 1], [1, 1])


def pooled_over_padding(image):
    return pool(image, (3, 5), (2, 3), (1, 2), exclude_pad=True)


def pooled_with_padding(image):
    return pool(image, (3, 5), (2, 3), (1, 2), exclude_pad=False)


def scaled(image):
    return ops.multiply(ops.add(image, constant(1, 3, 1, 1)), constant(1))


def save(build, path, half=False):
    image = ops.parameter([1, 3, 32, 32], np.float32, name="image")
    model = openvino.Model([build(image)], [image], "network")
    openvino.save_model(model, str(path), compress_to_fp16=half)
    return path


def asked_of_openvino(path, images):
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", exact)
    return np.concatenate([compiled(image[None])[0].reshape(1, -1) for image in images])


def asked_of_torch(network, images):
    with torch.no_grad():
        return network(torch.from_numpy(images)).numpy()


@pytest.fixture
def saved(tmp_path):
    return save(of_every_kind, tmp_path / "network.xml")


@pytest.mark.parametrize("half", [False, True], ids=["whole", "half precision"])
@pytest.mark.parametrize(
    "build", [of_every_kind, lopsided, pooled_over_padding, pooled_with_padding, scaled]
)
def test_a_network_gives_what_openvino_gives(tmp_path, build, half):
    path = save(build, tmp_path / "network.xml", half)
    images = values(3, 3, 32, 32) * 50
    network = read_ir(path)
    found = asked_of_torch(network, images)
    assert found.shape == (3, network.output_size)
    np.testing.assert_allclose(found, asked_of_openvino(path, images), atol=1e-5)


def test_the_networks_above_have_every_kind_of_layer(tmp_path):
    whole, half = (
        set(re.findall(r' type="(\w+)"', save(of_every_kind, tmp_path / "n.xml", half).read_text()))
        for half in (False, True)
    )
    assert whole == KINDS
    assert half == KINDS | {"Convert"}


@pytest.mark.parametrize("half", [False, True], ids=["whole", "half precision"])
def test_every_constant_is_a_float32_parameter_that_gradients_reach(tmp_path, half):
    network = read_ir(save(of_every_kind, tmp_path / "network.xml", half))
    parameters = list(network.parameters())
    assert sum(parameter.numel() for parameter in parameters) == (
        3 + 8 * 27 + 8 + 1 + 8 * 9 + 8 + 8 * 4 + 4 + 8 * 4 + 10 * 8 * 256
    )
    network(torch.from_numpy(values(2, 3, 32, 32))).square().sum().backward()
    for parameter in parameters:
        assert parameter.dtype == torch.float32
        assert parameter.grad.abs().sum() > 0


def test_parameters_are_named_after_their_layers(tmp_path):
    def build(image):
        shift = constant(1, 3, 1, 1)
        shift.set_friendly_name("stem/conv.bias")
        other = constant(1)
        other.set_friendly_name("stem/conv_bias")
        return ops.multiply(ops.add(image, shift), other)

    names = [name for name, _ in read_ir(save(build, tmp_path / "n.xml")).named_parameters()]
    assert len(names) == 2
    assert all(re.fullmatch(r"stem_conv_bias_\d+", name) for name in names)


def test_reading_a_network_twice_gives_the_same(saved):
    one, other = read_ir(saved).state_dict(), read_ir(saved).state_dict()
    assert list(one) == list(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_the_result_does_not_depend_on_is_left_out(saved):
    text = saved.read_text()
    unread = '<layer id="900" name="unread" type="Const" version="opset1"/>'
    saved.write_text(text.replace("<layers>", "<layers>" + unread))
    assert not [name for name, _ in read_ir(saved).named_parameters() if "unread" in name]


def test_no_pictures_give_no_vectors(saved):
    assert read_ir(saved)(torch.zeros(0, 3, 32, 32)).shape == (0, 10)


def refusal(path):
    """The one line that says why `path` is no network."""
    with pytest.raises(WeightsError) as refused:
        read_ir(path)
    message = str(refused.value)
    assert message.startswith(f"cannot read the network {path}: ")
    assert "\n" not in message
    return message.removeprefix(f"cannot read the network {path}: ")


@pytest.mark.parametrize(
    ("pattern", "damaged", "reason"),
    [
        (r"(?s).*", "weights, I promise", "syntax error"),
        (r"</net>", "", "no element found"),
        (r"<net ", "<!DOCTYPE net><net ", "DOCTYPE"),
        (r'type="Sigmoid"', 'type="Softmax"', "of a kind not known here (Softmax)"),
        (r' strides="2, 2"', "", "the attribute strides is missing"),
        (r' offset="0"', "", "the attribute offset is missing"),
        (r' name="image" ', " ", "the attribute name is missing"),
        (r'strides="2, 2"', 'strides="2, many"', "'many' is no whole number"),
        (r'strides="2, 2"', 'strides="2"', "strides '2' is not 2 numbers"),
        (r'strides="2, 2"', 'strides="0, 0"', "its layers do not fit each other"),
        (r'strides="2, 2"', 'strides="4, 4"', "its layers do not fit each other"),
        (r'auto_pad="explicit"', 'auto_pad="same_upper"', "auto_pad same_upper is not known here"),
        (r'rounding_type="floor"', 'rounding_type="ceil"', "rounding_type ceil is not known here"),
        (r'auto_broadcast="numpy"', 'auto_broadcast="pdpd"', "auto_broadcast pdpd is not known"),
        (r'element_type="f32" shape="8, 3', 'element_type="i64" shape="8, 3', "are i64, not f16"),
        (r'offset="0"', 'offset="99999999"', "but the .bin has"),
        (r'offset="0"', 'offset="-4"', "'-4' is no whole number"),
        (r'size="12"', 'size="16"', "16 bytes do not hold the shape (1, 3, 1, 1) of f32"),
        (r'shape="1,3,32,32"', 'shape="1,4,32,32"', "its input (1, 4, 32, 32) is not a batch"),
        (r'type="Parameter"', 'type="Const"', "has 0 layers of the kind Parameter, not one"),
        (r'type="Result"', 'type="Sigmoid"', "has 0 layers of the kind Result, not one"),
        (r'<layer id="1" ', '<layer id="0" ', "two layers are numbered 0"),
        (
            r'<edge from-layer="0" ',
            '<edge from-layer="777" ',
            "layer 777 is read, but is not there",
        ),
        (r"<edge from-layer=[^>]*>", "", "inputs, not"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(saved, pattern, damaged, reason):
    text = saved.read_text()
    changed = re.sub(pattern, lambda match: damaged, text, count=1)
    assert changed != text
    saved.write_text(changed)
    assert reason in refusal(saved)


def test_a_layer_that_is_damaged_is_named(saved):
    text = saved.read_text()
    name = re.search(r'name="([^"]*)" type="AvgPool"', text)[1]
    saved.write_text(text.replace('exclude-pad="true" ', ""))
    assert refusal(saved) == f"layer {name}: the attribute exclude-pad is missing"


def test_layers_that_read_each_other_in_a_circle_are_refused(saved):
    text = saved.read_text()
    last = re.search(r'<layer id="(\d+)" [^>]*type="Result"', text)[1]
    before = re.search(rf'<edge from-layer="(\d+)" from-port="\d+" to-layer="{last}"', text)[1]
    start = re.search(r'<edge from-layer="0" ', text)[0]
    saved.write_text(text.replace(start, start.replace('"0"', f'"{before}"')))
    assert refusal(saved) == "its layers read each other in a circle"


def test_entities_are_never_expanded(saved):
    secret = saved.with_name("secret.txt")
    secret.write_text("do not tell")
    entity = f'<!DOCTYPE net [<!ENTITY x SYSTEM "{secret}">]>'
    saved.write_text(entity + '<net name="&x;"/>')
    assert "tell" not in refusal(saved)


def test_an_xml_in_another_encoding_is_refused(saved):
    saved.write_bytes(saved.read_text().encode("utf-16"))
    assert "utf-8" in refusal(saved)


def test_constants_that_are_cut_short_are_refused(saved):
    constants = saved.with_suffix(".bin")
    constants.write_bytes(constants.read_bytes()[:100])
    assert refusal(saved).endswith("but the .bin has 100")


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_file_that_is_missing_is_named(saved, suffix):
    saved.with_suffix(suffix).unlink()
    assert f"network{suffix}" in refusal(saved)


@pytest.mark.shared
@needs_weights
def test_the_face_network_gives_what_openvino_gives():
    images = np.kron(values(4, 3, 16, 16), np.ones((1, 1, 8, 8), np.float32)) * 900 + 128
    images = images.clip(0, 255).astype(np.float32)
    found = asked_of_torch(read_ir(FACE), images)
    assert found.shape == (4, 256)
    np.testing.assert_allclose(found, asked_of_openvino(FACE, images), atol=1e-5)


@pytest.mark.shared
@needs_weights
def test_gradients_reach_every_parameter_of_the_face_network():
    network = read_ir(FACE)
    network(torch.rand(2, 3, 128, 128) * 255).square().sum().backward()
    parameters = list(network.parameters())
    assert sum(parameter.numel() for parameter in parameters) == 1_106_814
    assert all(parameter.grad.abs().sum() > 0 for parameter in parameters)

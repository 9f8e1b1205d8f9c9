"""Names of the languages that Whisper knows."""

from functools import cache

from tools.errors import BadInput

_LANGUAGES = """
english=en chinese=zh german=de spanish=es russian=ru korean=ko french=fr japanese=ja portuguese=pt turkish=tr
polish=pl catalan=ca dutch=nl arabic=ar swedish=sv italian=it indonesian=id hindi=hi finnish=fi vietnamese=vi
hebrew=he ukrainian=uk greek=el malay=ms czech=cs romanian=ro danish=da hungarian=hu tamil=ta norwegian=no
thai=th urdu=ur croatian=hr bulgarian=bg lithuanian=lt latin=la maori=mi malayalam=ml welsh=cy slovak=sk
telugu=te persian=fa latvian=lv bengali=bn serbian=sr azerbaijani=az slovenian=sl kannada=kn estonian=et
macedonian=mk breton=br basque=eu icelandic=is armenian=hy nepali=ne mongolian=mn bosnian=bs kazakh=kk
albanian=sq swahili=sw galician=gl marathi=mr punjabi=pa sinhala=si khmer=km shona=sn yoruba=yo somali=so
afrikaans=af occitan=oc georgian=ka belarusian=be tajik=tg sindhi=sd gujarati=gu amharic=am yiddish=yi lao=lo
uzbek=uz faroese=fo haitian_creole=ht pashto=ps turkmen=tk nynorsk=nn maltese=mt sanskrit=sa luxembourgish=lb
myanmar=my tibetan=bo tagalog=tl malagasy=mg assamese=as tatar=tt hawaiian=haw lingala=ln hausa=ha bashkir=ba
javanese=jw sundanese=su
"""
_ALIASES = {
    "mandarin": "zh",
    "cmn": "zh",
    "yue": "zh",
    "cantonese": "zh",
    "jv": "jw",
    "castilian": "es",
    "flemish": "nl",
}


@cache
def _codes() -> dict[str, str]:
    """Code by English name, and by itself."""
    pairs = [pair.split("=") for pair in _LANGUAGES.split()]
    return {name.replace("_", " "): code for name, code in pairs} | {code: code for _, code in pairs} | _ALIASES


def language_code(language: str) -> str:
    """Whisper's code of a language given by code, tag or English name: zh, zh-CN, Chinese, Mandarin all give zh.

    Raises:
        BadInput: Whisper knows no such language.
    """
    tag = language.strip().lower().replace("_", "-")
    for name in (tag, tag.split("-")[0]):
        if name in _codes():
            return _codes()[name]
    raise BadInput(f"There is no language {language!r}; use a code such as en, zh or de, or leave it out.")

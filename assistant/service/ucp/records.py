"""The protocol's requests and answers, as far as the catalogue needs them; names and bounds are its schemas'."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from assistant.service.http.lenient import Lenient

VERSION: Final = "2026-08-25"
SEARCH: Final = "dev.ucp.shopping.catalog.search"
LOOKUP: Final = "dev.ucp.shopping.catalog.lookup"
MOST_AMOUNT: Final = 2**53 - 1

Amount = Annotated[int, Field(ge=0, le=MOST_AMOUNT, description="in the currency's minor unit, as ISO 4217 has it")]
Word = Annotated[str, Field(min_length=1, max_length=500)]


class UcpPriceFilter(Lenient):
    """Bounds of a price in `UcpContext.currency`, inclusive."""

    min: Amount | None = None
    max: Amount | None = None


class UcpFilters(Lenient):
    """What products must be."""

    categories: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field([], max_length=50)
    price: UcpPriceFilter | None = None


class UcpContext(Lenient):
    """What the platform tells of the buyer."""

    currency: str | None = Field(None, max_length=20)


class UcpPageRequest(Lenient):
    """Which page is asked for; larger pages than there are here are cut."""

    cursor: str | None = Field(None, max_length=20)
    limit: int = Field(10, ge=1)


class UcpSearchRequest(Lenient):
    """A search, or, without a query, a list of what passes the filters."""

    query: str | None = Field(None, max_length=2_000)
    filters: UcpFilters | None = None
    context: UcpContext = UcpContext()
    pagination: UcpPageRequest = UcpPageRequest()


class UcpLookupRequest(Lenient):
    """Products or variants by their ids; of more than 50 the request is refused."""

    ids: list[Word] = Field(min_length=1)
    filters: UcpFilters | None = None
    context: UcpContext = UcpContext()


class UcpSelectedOption(BaseModel):
    """A value of an option, such as Size: Large."""

    name: Word
    label: Word


class UcpProductRequest(Lenient):
    """One product in full, its variants narrowed to a selection."""

    id: Word
    selected: list[UcpSelectedOption] = Field([], max_length=20)
    preferences: list[Word] = Field([], max_length=20, description="options; the last is given up first")
    filters: UcpFilters | None = None
    context: UcpContext = UcpContext()


class UcpDescription(BaseModel):
    """A text about a product."""

    plain: str


class UcpPrice(BaseModel):
    """An amount of a currency."""

    amount: Amount
    currency: str = Field(pattern="^[A-Z]{3}$")


class UcpPriceRange(BaseModel):
    """The lowest and the highest price of a product's variants."""

    min: UcpPrice
    max: UcpPrice


class UcpCategory(BaseModel):
    """A category; the taxonomy is the shop's own."""

    value: str
    taxonomy: Literal["merchant"] = "merchant"


class UcpMedia(BaseModel):
    """A picture."""

    type: Literal["image"] = "image"
    url: str
    alt_text: str


class UcpAvailability(BaseModel):
    """Whether something can be bought."""

    available: bool
    status: Literal["in_stock", "out_of_stock"]


class UcpInput(BaseModel):
    """Which id of a request led to a variant: to this one itself, or to its product."""

    id: str
    match: Literal["exact", "featured"]


class UcpVariant(BaseModel):
    """What can be bought."""

    id: str
    title: str
    description: UcpDescription
    price: UcpPrice
    url: str | None = None
    availability: UcpAvailability | None = None
    options: list[UcpSelectedOption] | None = None
    inputs: list[UcpInput] | None = Field(None, description="of answers to a lookup")


class UcpOptionValue(BaseModel):
    """A value of an option; the last two fields are of answers about one product, for its selection."""

    label: str
    available: bool | None = None
    exists: bool | None = None


class UcpOption(BaseModel):
    """An option in which a product's variants differ."""

    name: str
    values: list[UcpOptionValue] = Field(min_length=1)


class UcpProduct(BaseModel):
    """An item of the catalogue."""

    id: str
    title: str
    description: UcpDescription
    price_range: UcpPriceRange
    variants: list[UcpVariant] = Field(min_length=1)
    url: str | None = None
    categories: list[UcpCategory] | None = None
    media: list[UcpMedia] | None = None
    options: list[UcpOption] | None = None
    selected: list[UcpSelectedOption] | None = Field(None, description="of answers about one product")
    metadata: dict[str, Any] | None = None


class UcpMessage(BaseModel):
    """What is said about an answer."""

    type: Literal["error", "warning", "info"]
    code: str
    content: str
    severity: Literal["unrecoverable"] | None = Field(None, description="of errors")


class UcpEntity(BaseModel):
    """A capability or a service with one of its transports."""

    version: str = VERSION
    spec: str | None = None
    transport: Literal["rest"] | None = None
    schema_: str | None = Field(None, alias="schema")
    endpoint: str | None = None

    model_config = ConfigDict(populate_by_name=True)


class UcpMetadata(BaseModel):
    """What every answer says of the protocol."""

    version: str = VERSION
    status: Literal["success", "error"] = "success"
    services: dict[str, list[UcpEntity]] | None = None
    capabilities: dict[str, list[UcpEntity]]
    payment_handlers: dict[str, list[UcpEntity]] | None = None


class UcpPage(BaseModel):
    """Where a page stands."""

    has_next_page: bool
    cursor: str | None = None
    total_count: int | None = None


class UcpProfile(BaseModel):
    """What the shop offers over the protocol."""

    ucp: UcpMetadata


class UcpProducts(BaseModel):
    """Answer to a search or a lookup."""

    ucp: UcpMetadata
    products: list[UcpProduct]
    pagination: UcpPage | None = None
    messages: list[UcpMessage] | None = None


class UcpProductAnswer(BaseModel):
    """Answer about one product; an error has no product."""

    ucp: UcpMetadata
    product: UcpProduct | None = None
    messages: list[UcpMessage] | None = None

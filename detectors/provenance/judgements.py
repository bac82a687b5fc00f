"""How much each kind of unsigned or signed trace weighs: judgements with their reasons, not measurements.

No sample of files from the wild is at hand that would say how often each trace stands on generated and on camera
pictures, so these natural logarithms of likelihood ratios (generated against camera) are set by hand, and small
where a trace can be typed, copied or lost. e^3 = 20, e^0.7 = 2. Anybody who has counted should replace them.
"""

from __future__ import annotations

#: A signature that checks out says that the picture, or a part of it, came out of a trained model. It decides the
#: verdict; the number is only for sums and sorting.
SIGNED_GENERATED = 7.0
#: The same statement in a valid manifest about something that the picture was made *with* (a reference, a prompt), or
#: about an ingredient whose own record doesn't check out.
SIGNED_NEARBY = 2.0
#: A signature that checks out says that an algorithm without training, or a composite with synthetic parts, made it.
SIGNED_SYNTHETIC = 3.0
#: A trusted signer (of the C2PA's list or the user's) says that a camera took it. Not decisive: a trusted editor can
#: sign a photograph of a screen.
TRUSTED_CAPTURE = -5.0
#: A manifest that fails its check and says "generated". Somebody altered the file or the manifest; that the claim was
#: there at all still points the way an unsigned one does, a little less.
BROKEN_GENERATED = 2.5

#: Generation parameters in the form that one of the known programs writes. Forging them gains nobody much, and cameras
#: never write them.
GENERATION_PARAMETERS = 3.0
#: An unsigned IPTC digital source type "trained algorithmic media" or the AIGC label: one line that anybody can type,
#: but that services add to what they make.
UNSIGNED_GENERATED = 3.0
#: An unsigned "composite with trained algorithmic media": often a photograph with a retouched part.
UNSIGNED_COMPOSITE = 2.0
#: An unsigned "algorithmic media" or "composite of synthetic elements".
UNSIGNED_SYNTHETIC = 1.5
#: Software, creator tool or credit names a generator. Some of these programs also edit photographs.
GENERATOR_NAMED = 2.5

#: An unsigned "digital capture". Costs nothing to type.
UNSIGNED_CAPTURE = -0.3
#: A maker's camera data, whole and consistent with the picture. Copied from one file to another in one command, hence
#: no more than a factor of two: by itself it must never make a verdict of "probably camera".
CAMERA_WHOLE = -0.7
#: The same, with parts missing, as editors leave it.
CAMERA_PARTIAL = -0.3
#: Camera data that contradicts itself or the picture: editing explains most of that, forging some.
CAMERA_CONTRADICTS = 0.3
#: Exactly a size that generators make, and no camera data. Cropped and resized photographs have such sizes too.
GENERATOR_SIZE = 0.2

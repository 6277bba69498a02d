# The task do_sign: by whom and how. What is signed (SIGN_FILES, SIGN_PCR, SIGN_RELEASE), and after which task, says the class of
# the image. No task sees a key, and hashes know only the public parts: with other keys nothing but do_sign and what uses it is run.

# The keys, made by `hbake keys secureboot`, or your own; or, with commands of your own, of a signer anywhere.
HB_SECUREBOOT_KEYS ?= "${TOPDIR}/keys/secureboot"
HB_SIGN_COMMAND ?= "osslsigncode sign -certs {certificate} -key {key} -h sha256 -time {epoch} -in {input} -out {output}"
HB_SIGN_CHECK_COMMAND ?= "osslsigncode verify -CAfile {certificate} -in {output}"
HB_SIGN_DATA_COMMAND ?= "openssl dgst -sha256 -sign {key} -out {output} {input}"
HB_SIGN_PCR_COMMAND ?= "openssl dgst -sha256 -sign {key} -out {output} {input}"

SIGNEDDIR = "${WORKDIR}/signed"
SIGN_FILES ?= ""
SIGN_PCR ?= ""
SIGN_RELEASE ?= ""

do_sign[builtin] = "sign"
SIGN_COMMANDS = "HB_SIGN_COMMAND HB_SIGN_CHECK_COMMAND HB_SIGN_DATA_COMMAND HB_SIGN_PCR_COMMAND"
do_sign[vardeps] += "SIGN_FILES SIGN_PCR SIGN_RELEASE SIGNEDDIR SOURCE_DATE_EPOCH HB_SECUREBOOT_KEYS ${SIGN_COMMANDS}"
do_sign[vardepsexclude] += "HB_SECUREBOOT_KEYS ${SIGN_COMMANDS}"
do_sign[file-checksums] = "${HB_SECUREBOOT_KEYS}/db.crt:False ${HB_SECUREBOOT_KEYS}/pcr.pub:False ${HB_SECUREBOOT_KEYS}/PK.auth:False ${HB_SECUREBOOT_KEYS}/KEK.auth:False ${HB_SECUREBOOT_KEYS}/db.auth:False"
do_sign[sstate-inputdirs] = "${SIGNEDDIR}"
do_sign() {
    :
}
